import { fileURLToPath } from 'node:url';
import { Worker } from '@temporalio/worker';
import { afterEach, beforeEach, expect, inject, test } from 'vitest';
import { GATE_IDS, runWorkflowId } from '../../src/contracts/names.js';
import { GovernedRunPlugin } from '../../src/plugin/plugin.js';
import {
  bundleGoverned,
  createGovernedWorker,
  eventually,
  type GovernedWorker,
  governedBundle,
  signalUnlessEnded,
  type WorkedRun,
} from '../support/governed-worker.js';

const SLOW_QUERIES = fileURLToPath(new URL('../support/slow-queries.ts', import.meta.url));
const GATES = GATE_IDS.slice(0, 3);

let site: GovernedWorker;
beforeEach(async () => {
  site = await createGovernedWorker({ address: inject('temporalAddress'), idle: true });
});
afterEach(() => site.close());

async function replay(run: WorkedRun): Promise<void> {
  const history = await run.handle.fetchHistory();
  const replaying = { workflowBundle: await governedBundle(), plugins: [new GovernedRunPlugin()] };
  await Worker.runReplayHistory(replaying, history, runWorkflowId(run.runId));
}

/*
 * A workflow task that carries a query ends once the query is answered, also where a local activity runs or has just ended: the
 * run hears of its answer in the next task. A replay gives the run other times than it had then.
 */

test('governedRun: a history in which local activities ended while a query was answered replays', async () => {
  const run = await site.startRun({ gates: GATES });
  let asking = true;
  const ask = async (): Promise<void> => {
    while (asking) await run.handle.query('status').catch(() => undefined);
  };
  const questions = [ask(), ask()];
  const served = await site.createWorker({ workflowBundle: await bundleGoverned([SLOW_QUERIES]) });
  const running = served.run();
  for (const gate of GATES) await run.approve(gate);
  asking = false;
  await Promise.all(questions);
  expect(await site.runs.wait(run.runId)).toMatchObject({ outcome: 'approved' });
  served.shutdown();
  await running;
  await replay(run);
});

test('governedRun: a history in which queries were answered while local activities ran replays', async () => {
  const appendJournal: typeof site.store.appendJournal = async (...entry) => {
    await new Promise((resolve) => setTimeout(resolve, 300));
    return site.store.appendJournal(...entry);
  };
  const ports = { ...site.ports, store: { ...site.store, appendJournal } };
  const served = await site.createWorker({ plugins: [new GovernedRunPlugin({ ports })] });
  const running = served.run();
  const run = await site.startRun({ gates: GATES });
  for (const [index, gate] of GATES.entries()) {
    const awaited = await run.awaitDecision(gate);
    // A task without any command: a replay takes it together with the next, and with what came until then.
    await run.handle.signal('approve', 7);
    await eventually(async () => ((await run.status()).refusals > index ? true : null), 'the refusal');
    const decision = await site.runs.sealDecision(run.decision(awaited));
    const ask = () => run.handle.query('status').catch(() => undefined);
    await Promise.all([run.handle.signal('approve', decision), ask(), ask(), ask(), ask()]);
  }
  expect(await site.runs.wait(run.runId)).toMatchObject({ outcome: 'approved' });
  served.shutdown();
  await running;
  await replay(run);
});

test('governedRun: a history in which messages came while a query was answered and a local activity ended replays', async () => {
  const run = await site.startRun({ gates: GATES });
  let asking = true;
  const ask = async (): Promise<void> => {
    while (asking) await run.handle.query('status').catch(() => undefined);
  };
  const disturb = async (): Promise<void> => {
    for (let sent = 0; sent < 24; sent += 1) {
      await signalUnlessEnded(run, 'approve', 7);
      await new Promise((resolve) => setTimeout(resolve, 15));
    }
  };
  const questions = [ask(), ask()];
  const served = await site.createWorker({ workflowBundle: await bundleGoverned([SLOW_QUERIES]) });
  const running = served.run();
  for (const gate of GATES) {
    await run.awaitDecision(gate);
    await Promise.all([run.approve(gate), disturb()]);
  }
  asking = false;
  await Promise.all(questions);
  expect(await site.runs.wait(run.runId)).toMatchObject({ outcome: 'approved' });
  served.shutdown();
  await running;
  await replay(run);
});
