import { Worker } from '@temporalio/worker';
import { afterAll, beforeAll, expect, inject, test } from 'vitest';
import { GovernedRunPlugin } from '../../src/plugin.js';
import { createGovernedWorker, governedBundle, type GovernedWorker } from '../support/governed-worker.js';

let worker: GovernedWorker;
beforeAll(async () => {
  worker = await createGovernedWorker({ address: inject('temporalAddress') });
});
afterAll(() => worker.close());

test('B: a ledger larger than a query may be', async () => {
  const run = await worker.startRun({ gates: ['P00'] });
  await run.awaitDecision('P00');
  const text = '漢'.repeat(4_000);
  for (let i = 1; i <= 45; i += 1) {
    const d = await worker.runs.escalate(run.runId, { issue: text, impact: text, context: text, recommendation: text });
    if (d.kind !== 'answered' || !d.answer.accepted) console.log(i, JSON.stringify(d));
    const e = await run.awaitEscalation(`E${i}`);
    await run.resolve(e.escalation_id, { choice: 'continue' });
    if (i % 5 === 0) {
      const described = await run.handle.describe();
      const size = await run.ledger().then((l) => JSON.stringify(l).length, (err) => `QUERY FAILED ${String(err.message).slice(0, 200)} ${String(err.cause?.message ?? err.cause?.details).slice(0, 200)}`);
      console.log(i, described.historyLength, described.historySize, size);
    }
  }
  await run.handle.cancel();
  const result = await Promise.race([worker.runs.wait(run.runId), new Promise((r) => setTimeout(() => r('STILL NOT ENDED after 15 s'), 15_000))]);
  console.log('end', JSON.stringify(result));
  const desc = await run.handle.describe();
  console.log(desc.status.name, JSON.stringify(desc.raw.pendingActivities?.map((a: any) => [a.activityType?.name, a.attempt, a.lastFailure?.message, a.lastFailure?.cause?.message])));
  await run.handle.terminate().catch(() => undefined);
}, 120_000);

test('H: a worker with the plugin but no ports', async () => {
  const idle = await createGovernedWorker({ address: inject('temporalAddress'), idle: true });
  let created: unknown = 'created';
  const w = await Worker.create({ connection: idle.connection, taskQueue: idle.taskQueue, workflowBundle: await governedBundle(), plugins: [new GovernedRunPlugin()] }).catch((e) => { created = String(e); return null; });
  console.log(created);
  if (w) {
    const running = w.run();
    const run = await idle.startRun({ gates: ['P00'] });
    await new Promise((r) => setTimeout(r, 6_000));
    const desc = await run.handle.describe();
    console.log(desc.status.name, desc.historyLength, await run.failedTasks());
    await run.handle.terminate();
    w.shutdown(); await running;
  }
  await idle.close();
}, 60_000);
