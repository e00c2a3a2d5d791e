import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, inject, test } from 'vitest';
import type { GovernedRuns } from '../../src/client/client.js';
import { GATE_IDS, runWorkflowId } from '../../src/contracts/names.js';
import { createGovernedWorker, eventually, type GovernedWorker, type WorkedRun } from '../support/governed-worker.js';

let worker: GovernedWorker;
/** The same queue and store, but with a short timeout for an answer. */
let hasty: GovernedRuns;
beforeAll(async () => {
  worker = await createGovernedWorker({ address: inject('temporalAddress') });
  hasty = worker.clientOf(300);
});
afterAll(() => worker.close());

const approved = async (): Promise<WorkedRun> => {
  const run = await worker.startRun();
  await run.approve('P00');
  await worker.runs.wait(run.runId);
  return run;
};
const decision = (runId: string) => ({
  decision_id: 'd-1',
  run_id: runId,
  gate: 'P00' as const,
  attempt: 1,
  request_id: 'P00.1.1',
  output_sha256: '0'.repeat(64),
  policy_sha256: '0'.repeat(64),
  actor: 'grace',
  choice: 'approve' as const,
});
const resolution = (runId: string) => ({
  decision_id: 'r-1',
  run_id: runId,
  escalation_id: 'E1',
  request_id: 'E1.1',
  policy_sha256: '0'.repeat(64),
  report_sha256: '0'.repeat(64),
  actor: 'grace',
  choice: 'retry' as const,
});
const cancellation = (runId: string) => ({
  decision_id: 'c-1',
  run_id: runId,
  policy_sha256: worker.repository.run.policy_sha256,
  actor: 'ada',
  reason: 'Started from the wrong branch.',
});

describe('GovernedRuns: start', () => {
  test.each(['running', 'ended'])('a run id that is taken is RUN_EXISTS while that run is %s', async (state) => {
    const run = state === 'ended' ? await approved() : await worker.startRun();
    const { run: given } = worker.repository;
    const read = async (sha256: string) => JSON.parse(new TextDecoder().decode(await worker.store.readObject(sha256)));
    const again = worker.runs.start({
      runId: run.runId,
      developer: 'ada',
      targetRepo: given.target_repo,
      baseCommit: given.base_commit,
      gates: GATE_IDS,
      request: await read(given.request_sha256),
      policy: await worker.store.readObject(given.policy_sha256),
      pack: await read(given.pack_object_sha256),
    });
    await expect(again).rejects.toMatchObject({ code: 'RUN_EXISTS' });
  });

  test('Temporal is given digests only, and a summary of one line', async () => {
    const run = await worker.startRun();
    const { events } = await run.handle.fetchHistory();
    const input = events?.[0]?.workflowExecutionStartedEventAttributes?.input?.payloads ?? [];
    expect(input).toHaveLength(1);
    expect(Buffer.from(input[0]?.data ?? []).byteLength).toBeLessThan(1_000);
    const summary = JSON.parse(Buffer.from(events?.[0]?.userMetadata?.summary?.data ?? []).toString());
    expect(summary).toBe('Fix the split · example');
  });
});

describe('GovernedRuns: a run that does not exist', () => {
  test.each(['decide', 'resolve', 'escalate', 'status', 'wait', 'cancel', 'describe'] as const)(
    '%s is RUN_NOT_FOUND',
    async (method) => {
      const runId = `none-${randomUUID().slice(0, 8)}`;
      const calls = {
        decide: () => worker.runs.decide(decision(runId)),
        resolve: () => worker.runs.resolve(resolution(runId)),
        escalate: () => worker.runs.escalate(runId, {}),
        status: () => worker.runs.status(runId),
        wait: () => worker.runs.wait(runId),
        cancel: () => worker.runs.cancel(cancellation(runId)),
        describe: () => worker.runs.describe(runId),
      };
      await expect(calls[method]()).rejects.toMatchObject({ code: 'RUN_NOT_FOUND' });
    },
  );
});

describe('GovernedRuns: a run that has ended', () => {
  test('takes no message any more: RUN_CLOSED; but still answers for itself', async () => {
    const { runId } = await approved();
    await expect(worker.runs.decide(decision(runId))).rejects.toMatchObject({ code: 'RUN_CLOSED' });
    await expect(worker.runs.resolve(resolution(runId))).rejects.toMatchObject({ code: 'RUN_CLOSED' });
    await expect(worker.runs.escalate(runId, {})).rejects.toMatchObject({ code: 'RUN_CLOSED' });
    await expect(worker.runs.cancel(cancellation(runId))).rejects.toMatchObject({ code: 'RUN_CLOSED' });
    expect(await worker.runs.status(runId)).toMatchObject({ phase: 'closed', outcome: 'approved' });
    expect(await worker.runs.describe(runId)).toMatchObject({ run_id: runId, status: 'COMPLETED' });
    expect(await worker.runs.wait(runId)).toMatchObject({ outcome: 'approved' });
  });

  test('cancel: counts at once, and the run ends as cancelled with its record', async () => {
    const run = await worker.startRun();
    await run.awaitDecision('P00');
    const delivery = await worker.runs.cancel(cancellation(run.runId));
    expect(delivery).toMatchObject({ kind: 'answered', answer: { accepted: true } });
    expect(await worker.runs.wait(run.runId)).toMatchObject({
      outcome: 'cancelled',
      run_record_sha256: expect.any(String),
    });
    expect(await worker.runs.describe(run.runId)).toMatchObject({ status: 'COMPLETED' });
  });

  test('wait: a cancelled run is an outcome, not an error', async () => {
    const run = await worker.startRun();
    await run.awaitDecision('P00');
    await run.handle.cancel();
    expect(await worker.runs.wait(run.runId)).toEqual({ outcome: 'cancelled', run_record_sha256: null });
    expect(await worker.runs.describe(run.runId)).toMatchObject({ status: 'CANCELLED', closed_at: expect.any(Date) });
  });

  test('wait: a run that could not publish fails with the code of why, and its hint once', async () => {
    const run = await worker.startRun();
    const awaited = await run.awaitDecision('P00');
    const object = await worker.store.putObject(new TextEncoder().encode('another tree'));
    await worker.store.publish(run.runId, [{ path: 'other.txt', ...object, media_type: 'text/plain' }]);
    await worker.runs.decide(run.decision(awaited));
    const failure: unknown = await worker.runs.wait(run.runId).catch((error: unknown) => error);
    expect(failure).toMatchObject({ code: 'RUN_ALREADY_PUBLISHED' });
    expect(String(failure).match(/A published run cannot change/g)).toHaveLength(1);
  });

  test('wait: a terminated run is TEMPORAL_FAILED', async () => {
    const run = await worker.startRun();
    await run.handle.terminate('by hand');
    await expect(worker.runs.wait(run.runId)).rejects.toMatchObject({ code: 'TEMPORAL_FAILED' });
  });
});

describe('GovernedRuns: with no worker', () => {
  test('a decision is queued by signal, and counts once when a worker comes', async () => {
    const idle = await createGovernedWorker({ address: inject('temporalAddress'), idle: true });
    const runs = idle.clientOf(300);
    const run = await idle.startRun();
    const first = await idle.createWorker();
    const awaited = await first.runUntil(() => run.awaitDecision('P00'));
    await expect(runs.status(run.runId)).rejects.toMatchObject({ code: 'WORKER_MISSING' });
    expect(await runs.decide(run.decision(awaited))).toEqual({ kind: 'queued' });
    const second = await idle.createWorker();
    await second.runUntil(() => idle.runs.wait(run.runId));
    const ledger = await idle.publishedLedger(run.runId);
    expect(ledger.filter(({ type }) => type === 'decisionCounted')).toHaveLength(1);
    expect(ledger.at(-1)).toMatchObject({ type: 'runClosed', outcome: 'approved' });
    await idle.close();
  });

  test('a server that cannot be reached is TEMPORAL_FAILED, not a queued decision', async () => {
    const idle = await createGovernedWorker({ address: inject('temporalAddress'), idle: true });
    const run = await idle.startRun();
    await idle.client.connection.close();
    await expect(idle.runs.decide(decision(run.runId))).rejects.toMatchObject({ code: 'TEMPORAL_FAILED' });
    await idle.close().catch(() => undefined);
  });
});

describe('GovernedRuns: list', () => {
  test('shows runs, the newest first, with who started them on what', async () => {
    const older = await worker.startRun();
    const newer = await worker.startRun();
    const listed = await eventually(async () => {
      const runs = await hasty.list();
      const ids = runs.map(({ run_id }) => run_id);
      return ids.includes(older.runId) && ids.includes(newer.runId) ? runs : null;
    }, 'both runs in the list');
    const ids = listed.map(({ run_id }) => run_id);
    expect(ids.indexOf(newer.runId)).toBeLessThan(ids.indexOf(older.runId));
    expect(listed.find(({ run_id }) => run_id === newer.runId)).toMatchObject({
      workflow_id: runWorkflowId(newer.runId),
      status: 'RUNNING',
      closed_at: null,
      target_repo: 'example',
      developer: 'ada',
    });
    expect(await hasty.list(1)).toHaveLength(1);
  });
});
