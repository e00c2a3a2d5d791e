import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, expect, inject, test } from 'vitest';
import { checkChain, EMPTY_LEDGER } from '../../src/domain/ledger/ledger-chain.js';
import { exampleOutputs } from '../support/gate-outputs.js';
import { createGovernedWorker, eventually, type GovernedWorker, type WorkedRun } from '../support/governed-worker.js';
import { outputs, type ScriptStep } from '../support/scripted-executor.js';
import { UNSIGNED_POLICY } from '../support/signing-policy.js';

let worker: GovernedWorker;
beforeAll(async () => {
  // Messages that the journal does not know; test/attacks/reset.test.ts has those that are signed.
  worker = await createGovernedWorker({ address: inject('temporalAddress'), policy: UNSIGNED_POLICY });
});
afterAll(() => worker.close());

const GATES = ['P00', 'P01', 'P03'] as const;
const good = exampleOutputs();
/** Answers for whatever gate it is asked: a Reset asks again. */
const anyGate: ScriptStep = (call) => outputs(good[call.gate])(call);
const patient = { nina: Array<ScriptStep>(20).fill(anyGate) };

/** Ids of the tasks that a run has done so far. */
async function taskIds(run: WorkedRun): Promise<readonly number[]> {
  const { events } = await run.handle.fetchHistory();
  return (events ?? [])
    .filter(({ workflowTaskCompletedEventAttributes }) => workflowTaskCompletedEventAttributes)
    .map(({ eventId }) => Number(eventId));
}

async function reset(run: WorkedRun, taskId: number): Promise<void> {
  const { workflowId } = run.handle;
  const { runId } = await run.handle.describe();
  await worker.client.workflowService.resetWorkflowExecution({
    namespace: 'default',
    workflowExecution: { workflowId, runId },
    reason: 'a test',
    workflowTaskFinishEventId: taskId as unknown as Long,
    requestId: randomUUID(),
  });
}
type Long = NonNullable<
  Parameters<typeof worker.client.workflowService.resetWorkflowExecution>[0]['workflowTaskFinishEventId']
>;

/** Approves whatever the run awaits until it has ended; the fork that a Reset makes is resolved first. @returns how many */
async function approveAll(run: WorkedRun): Promise<number> {
  for (let forks = 0; ; ) {
    const next = await eventually(async () => {
      const { phase, awaiting } = await run.status();
      return phase === 'closed' ? 'closed' : (awaiting[0] ?? null);
    }, 'something to answer or the end');
    if (next === 'closed') return forks;
    if (next.kind === 'decision') await worker.runs.decide(run.decision(next, { decision_id: randomUUID() }));
    else {
      expect(next.trigger).toBe('fork');
      const { policy_sha256 } = await run.status();
      const { escalation_id, request_id, report_sha256 } = next;
      const bound = { run_id: run.runId, escalation_id, request_id, report_sha256, policy_sha256 };
      await worker.runs.resolve({ ...bound, decision_id: randomUUID(), actor: 'grace', choice: 'continue' });
      forks += 1;
    }
  }
}

test.each([
  ['the first task', 0],
  ['a third of the way', 0.34],
  ['two thirds of the way', 0.67],
  ['the last task', 1],
])(
  'governedRun: a Reset to %s raises a fork, goes on once it is resolved, and re-applied decisions never count twice',
  async (_, part) => {
    const run = await worker.startRun({ gates: GATES, scripts: patient });
    await run.handle.signal('approve', run.decision(await run.awaitDecision('P00')));
    await run.approve('P01');
    await run.awaitDecision('P03');
    await run.handle.signal('approve', { actor: 'mallory' });
    const ids = await taskIds(run);
    await reset(run, ids[Math.round(part * (ids.length - 1))] ?? 0);
    // A Reset to the last task leaves all that was verified as it was.
    expect(await approveAll(run)).toBe(part === 1 ? 0 : 1);
    expect(await worker.runs.wait(run.runId)).toMatchObject({ outcome: 'approved' });
    expect(await run.failedTasks()).toEqual([]);
    const ledger = await worker.publishedLedger(run.runId);
    expect(checkChain(ledger, EMPTY_LEDGER).ok).toBe(true);
    const counted = ledger.flatMap((entry) => (entry.type === 'decisionCounted' ? [entry.decision] : []));
    expect(counted.map(({ gate }) => gate)).toEqual(GATES);
    expect(new Set(counted.map(({ decision_id }) => decision_id)).size).toBe(3);
  },
);

test('governedRun: a Reset of a published run ends with RUN_ALREADY_PUBLISHED, and its tree stays', async () => {
  const run = await worker.startRun({ gates: GATES, scripts: patient });
  await approveAll(run);
  const { run_record_sha256 } = await worker.runs.wait(run.runId);
  const ids = await taskIds(run);
  await reset(run, ids[Math.floor(ids.length / 2)] ?? 0);
  await approveAll(run);
  await expect(worker.runs.wait(run.runId)).rejects.toMatchObject({ code: 'RUN_ALREADY_PUBLISHED' });
  const record = (await worker.store.published(run.runId))?.find(({ path }) => path === 'run_record.json');
  expect(record?.sha256).toBe(run_record_sha256);
});
