import { afterAll, beforeAll, expect, inject, test } from 'vitest';
import { RunProgress } from '../../bench/contender.js';
import { missedGoals } from '../../bench/figures.js';
import { activityTimes, answerToActivity, type HistoryEvent, measureHistory } from '../../bench/history.js';
import { GOALS, type HistoryFacts, historyTable } from '../../bench/parts/history.js';
import { GATE_IDS } from '../../src/contracts/names.js';
import { approveSignal } from '../../src/workflows/messages.js';
import { exampleOutputs } from '../support/gate-outputs.js';
import {
  createGovernedWorker,
  eventually,
  type GovernedWorker,
  STRAIGHT,
  type WorkedRun,
} from '../support/governed-worker.js';
import { edits, outputs } from '../support/scripted-executor.js';
import { signerOfKey, signersOf } from '../support/signed-finished-run.js';
import { makeTestKey, type TestKey } from '../support/signing.js';

let worker: GovernedWorker;
let signing: GovernedWorker;
beforeAll(async () => {
  const address = inject('temporalAddress');
  const keys = Object.fromEntries(
    ['ada', 'grace', 'nina', 'vera', 'rex', 'engine'].map((name) => [name, makeTestKey()]),
  );
  worker = await createGovernedWorker({ address, policy: policyText({}) });
  signing = await createGovernedWorker({
    address,
    policy: policyText(keys),
    signers: signersOf(keys),
    signerFor: async (principal) => (keys[principal] === undefined ? null : signerOfKey(keys[principal])),
  });
});
afterAll(() => Promise.all([worker.close(), signing.close()]));

const principal = (kind: string, key: TestKey | undefined) =>
  `{ kind: ${kind}${key === undefined ? '' : `, keys: [{ public: '${key.line}' }]`} }`;

/** The example policy with room for a large patch, and a check that prints as much as the patch holds. */
const policyText = (keys: Readonly<Record<string, TestKey>>) => `
schema_version: 1
name: figures
principals:
  ada: ${principal('human', keys.ada)}
  grace: ${principal('human', keys.grace)}
  nina: ${principal('agent', keys.nina)}
  vera: ${principal('agent', keys.vera)}
  rex: ${principal('agent', keys.rex)}
roles: { writer: nina, verifier: vera, reviewer: rex, integrator: [grace] }
engine: { keys: [${keys.engine === undefined ? '' : `{ public: '${keys.engine.line}' }`}] }
decisions: { authentication: ${keys.grace === undefined ? 'optional' : 'required'} }
attestations: ${keys.engine === undefined ? 'optional' : 'required'}
limits: { patch_bytes: 20000000 }
checks:
  tests: { argv: [cat, src/split.js], timeout: 60s }
`;

const writes = (bytes: number) => {
  const change = edits({ 'src/split.js': 'export const n = 1;\n'.repeat(bytes / 20) }, outputs(exampleOutputs().P05));
  return { ...STRAIGHT, nina: [...(STRAIGHT.nina ?? []).slice(0, 3), change] };
};

/**
 * Waits until a run has nothing to do but wait for people, after this many gates. Asked of the server alone: a query that
 * comes within a local activity costs a workflow task of three events.
 */
const awaitRest = ({ handle }: WorkedRun, gates: number) =>
  eventually(async () => {
    const { raw } = await handle.describe();
    if (raw.pendingWorkflowTask || raw.pendingActivities?.length) return null;
    const { events } = await handle.fetchHistory();
    const done = events?.filter((event) => event.activityTaskCompletedEventAttributes) ?? [];
    return done.length === gates ? true : null;
  }, `${gates} gates and a rest`);

const approveAll = async (run: WorkedRun, door: 'signal' | 'update', { client, runs } = worker) => {
  for (const [done, gate] of GATE_IDS.entries()) {
    await awaitRest(run, done + 1);
    if (door === 'update') await run.approve(gate);
    else await run.handle.signal(approveSignal, await runs.sealDecision(run.decision(await run.awaitDecision(gate))));
  }
  expect(await runs.wait(run.runId)).toMatchObject({ outcome: 'approved' });
  return measureHistory(client, run.handle.workflowId);
};

test('straight path: within its goals through both doors, and not larger for a larger patch and log', async () => {
  const start = (bytes: number) => worker.startRun({ gates: GATE_IDS, scripts: writes(bytes) });
  const [signal, update, large] = await Promise.all([
    approveAll(await start(1_000), 'signal'),
    approveAll(await start(1_000), 'update'),
    approveAll(await start(5_000_000), 'update'),
  ]);
  for (const { executions, events, bytes } of [signal, update, large]) {
    expect(executions).toBe(1);
    expect(events).toBeLessThanOrEqual(GOALS.events);
    expect(bytes).toBeLessThanOrEqual(GOALS.bytes);
  }
  expect([signal.actions, update.actions]).toEqual([30, 30]);
  expect(Math.abs(large.bytes - update.bytes)).toBeLessThan(1_000);
});

test('signed straight path: no event more than unsigned, and two KiB for each signed act at the most', async () => {
  const start = (on: GovernedWorker) => on.startRun({ gates: GATE_IDS, scripts: writes(1_000) });
  for (const door of ['signal', 'update'] as const) {
    const [signed, unsigned] = await Promise.all([
      approveAll(await start(signing), door, signing),
      approveAll(await start(worker), door),
    ]);
    expect(signed.events).toBeLessThanOrEqual(GOALS.events);
    expect(signed.bytes).toBeLessThanOrEqual(GOALS.bytes);
    const table = historyTable(door, { signed: facts(signed), unsigned: facts(unsigned), fair: null });
    expect(missedGoals([table])).toEqual([]);
    // Signatures are there: an envelope alone is longer than this.
    expect(table.rows.at(-1)?.values.signed).toBeGreaterThan(300);
  }
});

const facts = ({ events, bytes }: Pick<HistoryFacts, 'events' | 'bytes'>): HistoryFacts => ({
  events,
  bytes,
  wire_bytes: bytes,
  actions: 21,
  answer_to_activity_ms: null,
  duration_ms: null,
});

test('historyTable: an event more and an act too large miss their goals', () => {
  const unsigned = facts({ events: 84, bytes: 20_000 });
  const signed = facts({ events: 85, bytes: 20_000 + 13 * 2_048 + 13 });
  expect(missedGoals([historyTable('by signal', { signed, unsigned, fair: null })])).toEqual([
    'by signal: events more than unsigned (signed): 1, expected ≤ 0',
    'by signal: bytes more for each of 13 signed acts (signed): 2,049, expected ≤ 2,048',
  ]);
});

const at = (eventId: number, seconds: number, more: object): HistoryEvent =>
  ({ eventId, eventTime: { seconds, nanos: 0 }, ...more }) as never;

const EVENTS = [
  at(1, 1, { activityTaskScheduledEventAttributes: { activityType: { name: 'gate' } } }),
  at(2, 2, { activityTaskStartedEventAttributes: { scheduledEventId: 1 } }),
  at(3, 5, { activityTaskCompletedEventAttributes: { scheduledEventId: 1, startedEventId: 2 } }),
];

test('activityTimes: from the start of an activity to its end', () => {
  expect(activityTimes(EVENTS)).toEqual([{ name: 'gate', ms: 3_000 }]);
});

test('answerToActivity: the last answer before an activity counts, one without an activity does not', () => {
  expect(answerToActivity(EVENTS, [1_200, 1_500, 3_000])).toEqual([500]);
});

test('RunProgress: a run rests when no activity and no workflow task is open', () => {
  const progress = new RunProgress();
  const event = (name: string): HistoryEvent => ({ [`${name}EventAttributes`]: {} }) as never;
  expect(progress.take([event('workflowTaskScheduled')])).toBe(false);
  expect(progress.take([event('workflowTaskCompleted'), event('activityTaskScheduled')])).toBe(false);
  expect(progress.take([event('activityTaskTimedOut'), event('workflowTaskScheduled')])).toBe(false);
  expect(progress.take([event('workflowTaskCompleted'), event('activityTaskScheduled')])).toBe(false);
  expect(progress.take([event('activityTaskCompleted'), event('workflowTaskScheduled')])).toBe(false);
  // A task that timed out is tried again without an event of its own.
  expect(progress.take([event('workflowTaskTimedOut')])).toBe(false);
  expect(progress.take([event('workflowTaskCompleted')])).toBe(true);
  expect(progress.completed).toBe(1);
});
