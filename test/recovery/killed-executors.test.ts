import { afterAll, beforeAll, describe, expect, inject, test } from 'vitest';
import { ANSWER } from '../support/answer-contract.js';
import { EXECUTOR_HARNESSES } from '../support/executor-harness.js';
import { eventually } from '../support/governed-worker.js';
import { processesWith } from '../support/marked-processes.js';
import { createRecoverySite, type RecoverySite } from './recovery-site.js';

describe.runIf(process.platform === 'linux')('executor contract', () => {
  let site: RecoverySite;
  beforeAll(async () => {
    site = await createRecoverySite(inject('temporalAddress'));
  });
  afterAll(() => site.close());

  test.each(Object.entries(EXECUTOR_HARNESSES))(
    'executor contract, %s: when its worker is killed it ends, and the next worker has the gate done',
    async (kind, open) => {
      const harness = await open();
      const { env } = harness;
      const run = await site.startRun();
      const first = await site.startWorker({ executor: harness.acts({ do: 'hang' }), env });
      const ofExecutor = () => processesWith(`PROMPTOS_RUN_ID=${run.runId}`);
      await eventually(async () => (ofExecutor().length > 0 ? true : null), `the executor of ${kind}`);
      await first.end('SIGKILL');
      await eventually(async () => (ofExecutor().length === 0 ? true : null), `the end of the executor of ${kind}`);
      const next = await site.startWorker({ executor: harness.acts({ do: 'answer', text: ANSWER }), env });
      await run.approve('P00');
      expect(await site.runs.wait(run.runId)).toMatchObject({ outcome: 'approved' });
      const ledger = await site.publishedLedger(run.runId);
      expect(ledger.flatMap((entry) => (entry.type === 'gateStarted' ? entry.attempt : []))).toEqual([1]);
      expect(ledger.map(({ type }) => type)).not.toContain('escalationOpened');
      expect(await site.publishedJson(run.runId, 'run_record.json')).toMatchObject({
        gates: [{ attempts: [{ tries: [{ number: 1, problem: null }], executor: { sandbox: 'bubblewrap' } }] }],
      });
      await next.end('SIGTERM');
      await harness.close();
    },
  );
});
