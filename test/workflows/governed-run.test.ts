import { afterAll, beforeAll, describe, expect, inject, onTestFinished, test } from 'vitest';
import { storedStatus } from '../../src/cli/runs/read/run-status.js';
import { GATE_IDS, type GateId, runWorkflowId, WORKFLOW_TYPE } from '../../src/contracts/names.js';
import { exampleOutputs } from '../support/gate-outputs.js';
import {
  createGovernedWorker,
  eventually,
  type GovernedWorker,
  hangs,
  REPAIR,
  STRAIGHT,
  type WorkedRun,
} from '../support/governed-worker.js';
import { edits, outputs, promptInputs, says } from '../support/scripted-executor.js';
import { UNSIGNED_POLICY } from '../support/signing-policy.js';

const good = exampleOutputs();
const ESCALATES = says(
  JSON.stringify({
    kind: 'escalation',
    report: {
      issue: 'Who gets the cents?',
      impact: 'I would guess.',
      context: '',
      options: ['first', 'last'],
      recommendation: 'The first.',
      security_sensitive: false,
    },
  }),
);

let worker: GovernedWorker;
beforeAll(async () => {
  worker = await createGovernedWorker({ address: inject('temporalAddress') });
});
afterAll(() => worker.close());

const ended = async (run: WorkedRun) => {
  const result = await worker.runs.wait(run.runId);
  expect(await run.failedTasks()).toEqual([]);
  return result;
};
const record = (run: WorkedRun) => worker.publishedJson(run.runId, 'run_record.json');

/** Something that happens while the worker trusts no policy. */
async function untrusted<T>(happening: () => Promise<T>): Promise<T> {
  const { trusted } = worker.repository;
  const kept = [...trusted];
  trusted.clear();
  try {
    return await happening();
  } finally {
    for (const policy of kept) trusted.add(policy);
  }
}

/** Approves by signal, with what `approve --print` makes. */
async function signalApproval(run: WorkedRun, gate: GateId): Promise<void> {
  const decision = run.decision(await run.awaitDecision(gate));
  await run.handle.signal('approve', await worker.runs.sealDecision(decision));
}

describe('governedRun: the straight path', () => {
  test('six gates by updates end approved, with a published tree', async () => {
    const run = await worker.startRun({ gates: GATE_IDS });
    for (const gate of GATE_IDS) {
      expect(await run.approve(gate)).toMatchObject({ kind: 'answered', answer: { accepted: true, reason: null } });
    }
    const { outcome, run_record_sha256 } = await ended(run);
    expect(outcome).toBe('approved');
    expect(await run.status()).toMatchObject({ phase: 'closed', outcome: 'approved', run_record_sha256, awaiting: [] });
    expect(await record(run)).toMatchObject({ run_id: run.runId, outcome: 'approved', escalations: [], refusals: [] });
  });

  test('gates by signals end the same', async () => {
    const run = await worker.startRun({ gates: ['P00', 'P01'] });
    await signalApproval(run, 'P00');
    await signalApproval(run, 'P01');
    expect(await ended(run)).toMatchObject({ outcome: 'approved' });
    const passed = (await worker.publishedLedger(run.runId)).filter(({ type }) => type === 'gatePassed');
    expect(passed).toMatchObject([{ gate: 'P00', approved_by: ['grace'] }, { gate: 'P01' }]);
  });

  test('the history holds one event for each step, and its activities say what they are', async () => {
    const run = await worker.startRun({ gates: GATE_IDS });
    for (const gate of GATE_IDS) await signalApproval(run, gate);
    await ended(run);
    const { events } = await run.handle.fetchHistory();
    // How many workflow tasks carry the steps depends on the machine; `bench/history` holds their number on a quiet one.
    const steps = (events ?? []).filter(
      (event) =>
        !event.workflowTaskScheduledEventAttributes &&
        !event.workflowTaskStartedEventAttributes &&
        !event.workflowTaskCompletedEventAttributes,
    );
    expect(steps).toHaveLength(45);
    const summaries = (events ?? []).flatMap(({ userMetadata }) => userMetadata?.summary?.data ?? []);
    expect(summaries.map((data) => JSON.parse(Buffer.from(data).toString()))).toContain(
      'P05 Constrained Builder, attempt 1',
    );
  });
});

describe('governedRun: decisions', () => {
  test('the update answers with the refusal, and the ledger records it', async () => {
    const run = await worker.startRun();
    expect(await run.approve('P00', { actor: 'vera' })).toMatchObject({
      kind: 'answered',
      answer: { accepted: false, reason: 'NOT_AN_INTEGRATOR', message: expect.stringContaining('vera') },
    });
    expect(await run.status()).toMatchObject({ refusals: 1, phase: 'open' });
    await run.approve('P00');
    await ended(run);
    expect(await record(run)).toMatchObject({ refusals: [{ reason: 'NOT_AN_INTEGRATOR', claimed_actor: 'vera' }] });
  });

  test('an early one is refused and never saved up', async () => {
    const run = await worker.startRun({ gates: ['P00', 'P01'] });
    const first = await run.awaitDecision('P00');
    const early = run.decision({ ...first, gate: 'P01', request_id: 'P01.1.1' }, { decision_id: 'early' });
    expect(await worker.runs.decide(early)).toMatchObject({ answer: { reason: 'REQUEST_NOT_STANDING' } });
    await run.approve('P00');
    expect(await run.awaitDecision('P01')).toMatchObject({ request_id: 'P01.1.1', approved_by: [] });
    expect(await run.approve('P01', { decision_id: 'early' })).toMatchObject({ answer: { accepted: true } });
    expect(await ended(run)).toMatchObject({ outcome: 'approved' });
  });

  test('a rejection goes back with its reason, which reaches the executor', async () => {
    const run = await worker.startRun({
      gates: ['P00', 'P01', 'P03', 'P05', 'P06'],
      scripts: {
        nina: [
          outputs(good.P00),
          outputs(good.P01),
          outputs(good.P03),
          edits({ 'src/split.js': "export const split = 'still wrong';\n" }, outputs(good.P05)),
          REPAIR,
        ],
        vera: [outputs(good.P06), outputs(good.P06)],
      },
    });
    for (const gate of ['P00', 'P01', 'P03', 'P05'] as const) await run.approve(gate);
    expect(await run.awaitDecision('P06')).toMatchObject({ approvable: false });
    expect(await run.approve('P06')).toMatchObject({ answer: { reason: 'GATE_FAILED' } });
    await run.approve('P06', { choice: 'reject', reason: 'The tests fail.', decision_id: 'back' });
    expect(await run.awaitDecision('P05')).toMatchObject({ attempt: 2, request_id: 'P05.2.1' });
    const prompt = run.executors.calls.filter(({ gate }) => gate === 'P05')[1]?.prompt ?? '';
    expect(promptInputs(prompt).feedback).toEqual([
      { kind: 'rejection', from_gate: 'P06', by: 'grace', text: 'The tests fail.' },
    ]);
    await run.approve('P05');
    await run.approve('P06');
    expect(await ended(run)).toMatchObject({ outcome: 'approved' });
    const paths = (await worker.store.published(run.runId))?.map(({ path }) => path);
    expect(paths).toContain('evidence/attempts/P05/1/attempt.json');
  });

  test('a final rejection ends the run as rejected, with a tree', async () => {
    const run = await worker.startRun();
    await run.approve('P00', { choice: 'reject', reason: 'no', final: true });
    expect(await ended(run)).toMatchObject({ outcome: 'rejected' });
    expect(await record(run)).toMatchObject({ outcome: 'rejected' });
  });
});

describe('governedRun: escalations', () => {
  test('raised and resolved by signal', async () => {
    const run = await worker.startRun();
    await run.awaitDecision('P00');
    await run.handle.signal('escalate');
    const awaited = await run.awaitEscalation('E1');
    expect(awaited).toMatchObject({ trigger: 'hold', raised_by: 'unknown', gate: 'P00' });
    const resolution = await worker.runs.sealResolution(run.resolution(awaited, { choice: 'continue' }));
    await run.handle.signal('resolveEscalation', resolution);
    await run.approve('P00');
    expect(await ended(run)).toMatchObject({ outcome: 'approved' });
    expect(await record(run)).toMatchObject({ escalations: [{ escalation_id: 'E1' }] });
  });

  test("an executor's own is resolved with guidance, and the gate is done again", async () => {
    const run = await worker.startRun({ scripts: { nina: [ESCALATES, outputs(good.P00)] } });
    expect(await run.awaitEscalation('E1')).toMatchObject({ trigger: 'executor', raised_by: 'nina' });
    await run.resolve('E1', { choice: 'retry', guidance: 'The first.' });
    expect(await run.awaitDecision('P00')).toMatchObject({ attempt: 2 });
    expect(promptInputs(run.executors.calls[1]?.prompt ?? '').feedback).toMatchObject([
      { kind: 'guidance', text: 'The first.' },
    ]);
    await run.approve('P00');
    expect(await ended(run)).toMatchObject({ outcome: 'approved' });
    expect(await worker.publishedJson(run.runId, 'evidence/prompt_session.json')).toMatchObject({
      prompts_used: ['P00', 'P08'],
    });
  });

  test('abort while a gate runs stops its executor and ends the run', async () => {
    const run = await worker.startRun({ scripts: { nina: [hangs] } });
    await eventually(async () => run.executors.calls[0] ?? null, 'the executor');
    await run.handle.signal('escalate', { actor: 'ada', issue: 'stop' });
    await run.resolve('E1', { choice: 'abort', guidance: 'not today' });
    expect(await ended(run)).toMatchObject({ outcome: 'aborted' });
    await eventually(async () => run.executors.calls[0]?.signal.aborted || null, 'the end of the executor');
    expect(await record(run)).toMatchObject({ outcome: 'aborted' });
  });

  test('what cannot heal by itself opens a P08, and a retry goes on once it is healed', async () => {
    const run = await worker.startRun({ scripts: {} });
    const awaited = await run.awaitEscalation('E1');
    expect(awaited).toMatchObject({ trigger: 'infrastructure', gate: 'P00' });
    expect(awaited.issue).toContain('EXECUTOR_NOT_CONFIGURED');
    expect(awaited.report.context).toMatch(/nina[\s\S]*\nWorker: \d+@/);
    expect(await run.resolve('E1', { choice: 'continue' })).toMatchObject({
      answer: { reason: 'NOTHING_TO_CONTINUE' },
    });
    run.executors.script('nina', outputs(good.P00));
    await run.resolve('E1', { choice: 'retry' });
    await run.approve('P00');
    expect(await ended(run)).toMatchObject({ outcome: 'approved' });
  });

  test('what stops a run is in the store at once, so that it is seen without a worker', async () => {
    const awaitedInStore = (run: WorkedRun, id: string) =>
      eventually(async () => {
        const stored = await storedStatus(worker.runs, worker.store, run.runId);
        return stored?.status.awaiting.find((one) => one.kind === 'resolution' && one.escalation_id === id) ?? null;
      }, `${id} in the store`);
    const interrupted = await worker.startRun({ scripts: {} });
    expect(await awaitedInStore(interrupted, 'E1')).toMatchObject({ trigger: 'infrastructure', gate: 'P00' });
    await interrupted.resolve('E1', { choice: 'abort', guidance: 'not today' });

    const held = await worker.startRun({ gates: ['P00'] });
    await held.awaitDecision('P00');
    await held.handle.signal('escalate', { actor: 'ada', issue: 'stop' });
    expect(await awaitedInStore(held, 'E1')).toMatchObject({ issue: 'stop' });
    await held.resolve('E1', { choice: 'abort', guidance: 'not today' });
    for (const run of [interrupted, held]) expect(await ended(run)).toMatchObject({ outcome: 'aborted' });
  });

  test('a policy that is no longer trusted at a later gate opens a P08 of trust', async () => {
    const run = await worker.startRun({ gates: ['P00', 'P01'] });
    await run.awaitDecision('P00');
    await untrusted(async () => {
      await run.approve('P00');
      expect(await run.awaitEscalation('E1')).toMatchObject({ trigger: 'trust', gate: 'P01' });
    });
    await run.resolve('E1', { choice: 'retry' });
    await run.approve('P01');
    expect(await ended(run)).toMatchObject({ outcome: 'approved' });
  });
});

describe('governedRun: ends', () => {
  test('a start under a policy that is not trusted is refused: no tree, and the run id stays free', async () => {
    const run = await untrusted(async () => {
      const started = await worker.startRun();
      await expect(ended(started)).rejects.toMatchObject({ code: 'POLICY_NOT_TRUSTED' });
      return started;
    });
    expect(await worker.store.published(run.runId)).toBeNull();
    expect(await worker.store.readJournal(run.runId)).toEqual([]);
  });

  test.each([
    ['while a person is awaited', STRAIGHT],
    ['while a gate runs', { nina: [hangs] }],
  ])('cancelled %s: a record is published and the execution is CANCELED', async (_, scripts) => {
    const run = await worker.startRun({ scripts });
    await (scripts === STRAIGHT
      ? run.awaitDecision('P00')
      : eventually(async () => run.executors.calls[0] ?? null, 'the executor'));
    await run.handle.cancel();
    expect(await ended(run)).toMatchObject({ outcome: 'cancelled' });
    expect((await run.handle.describe()).status.name).toBe('CANCELLED');
    expect(await record(run)).toMatchObject({ outcome: 'cancelled' });
  });

  test.each([
    ['wrong workflow id', 'another-id', {}],
    ['no input at all', 'promptos/run/undefined', undefined],
    ['an input that is text', 'promptos/run/undefined', 'text'],
  ])('a start with %s fails the run cleanly', async (_, workflowId, input) => {
    const handle = await worker.client.workflow.start(WORKFLOW_TYPE, {
      taskQueue: worker.taskQueue,
      workflowId,
      args: input === undefined ? [] : [input],
    });
    await expect(handle.result()).rejects.toMatchObject({ cause: { type: 'RUN_ID_INVALID', nonRetryable: true } });
  });

  test('a start that brings a past of its own is refused', async () => {
    const honest = await worker.startRun();
    await honest.approve('P00');
    await ended(honest);
    const entries = await worker.publishedLedger(honest.runId);
    const run_id = `${honest.runId}-2`;
    const input = { ...worker.repository.run, run_id, gates: ['P00'] };
    const state = { ...(await honest.status()), phase: 'closed', outcome: 'approved', gates: [], escalations: [] };
    const carried = { state, head: { entries: 0, hash: '' }, segments: [], entries, refusals_counted: {} };
    const handle = await worker.client.workflow.start(WORKFLOW_TYPE, {
      taskQueue: worker.taskQueue,
      workflowId: runWorkflowId(run_id),
      args: [input, carried],
    });
    await expect(handle.result()).rejects.toMatchObject({ cause: { type: 'RUN_ID_INVALID' } });
    expect(await worker.store.published(run_id)).toBeNull();
  });
});

describe('governedRun: before it is open', () => {
  test('cancelled before any worker came: it ends as cancelled, and no run began', async () => {
    const idle = await createGovernedWorker({ address: inject('temporalAddress'), idle: true });
    const run = await idle.startRun();
    await run.handle.cancel();
    await (await idle.createWorker()).runUntil(async () => {
      expect(await idle.runs.wait(run.runId)).toMatchObject({ outcome: 'cancelled' });
      expect(await run.failedTasks()).toEqual([]);
    });
    expect(await idle.store.published(run.runId)).toBeNull();
    expect(await idle.store.readJournal(run.runId)).toEqual([]);
    await idle.close();
  });

  test('cancelled while messages wait for it to open: it ends as cancelled, and no run began', async () => {
    const stuck = await createGovernedWorker({ address: inject('temporalAddress'), idle: true });
    let asked = 0;
    const trust = {
      trustedPolicies: async () => {
        asked += 1;
        throw new Error('the disk is gone');
      },
    };
    const { GovernedRunPlugin } = await import('../../src/plugin/plugin.js');
    const plugins = [new GovernedRunPlugin({ ports: { ...stuck.ports, trust } })];
    await (await stuck.createWorker({ plugins })).runUntil(async () => {
      const run = await stuck.startRun();
      await eventually(async () => (asked > 0 ? asked : null), 'the opening');
      await run.handle.signal('escalate');
      await run.handle.signal('approve');
      await run.handle.cancel();
      expect(await stuck.runs.wait(run.runId)).toMatchObject({ outcome: 'cancelled' });
      expect(await stuck.store.published(run.runId)).toBeNull();
    });
    await stuck.close();
  });

  test('a developer whose name has no UTF-8 does not wedge the run', async () => {
    // No key can be of such a name.
    const unsigned = await createGovernedWorker({ address: inject('temporalAddress'), policy: UNSIGNED_POLICY });
    onTestFinished(() => unsigned.close());
    const run = await unsigned.startRun({ developer: 'ad\ud800a' });
    await run.approve('P00');
    expect(await unsigned.runs.wait(run.runId)).toMatchObject({ outcome: 'approved' });
    expect(await run.failedTasks()).toEqual([]);
  });
});
