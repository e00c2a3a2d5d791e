import { afterAll, beforeAll, expect, inject, test } from 'vitest';
import { readStat } from '../../bench/governed/child-process.js';
import { GOALS, historyFigures, missed, renderFigures } from '../../bench/governed/figures.js';
import { activityTimes, answerToActivity, bytesByKind, eventKind } from '../../bench/governed/history-facts.js';
import type { StraightPath } from '../../bench/governed/straight-path.js';
import { type HistoryEvent, type HistoryMeasure, measureHistory } from '../../bench/measure.js';
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
}, 120_000);

test('signed straight path: no event more than unsigned, and two KiB for each signed act at the most', async () => {
  const start = (on: GovernedWorker) => on.startRun({ gates: GATE_IDS, scripts: writes(1_000) });
  for (const door of ['signal', 'update'] as const) {
    const [signed, unsigned] = await Promise.all([
      approveAll(await start(signing), door, signing),
      approveAll(await start(worker), door),
    ]);
    expect(signed.events).toBeLessThanOrEqual(GOALS.events);
    expect(signed.bytes).toBeLessThanOrEqual(GOALS.bytes);
    const figures = historyFigures(door, path(signed), path(unsigned));
    expect(figures.map(({ goal }) => goal)).toEqual([0, 2_048]);
    expect(missed(figures)).toEqual([]);
    // Signatures are there: an envelope alone is longer than this.
    expect(figures[1]?.signed).toBeGreaterThan(300);
  }
}, 120_000);

const path = ({ events, bytes }: HistoryMeasure): StraightPath => ({
  runs: 1,
  events,
  bytes,
  wire_bytes: bytes,
  actions: 21,
  answer_to_activity_ms: null,
  duration_ms: null,
  worker_cpu_ms: null,
  programs_cpu_ms: null,
});

test('signed history: an event more and an act too large miss their goals', () => {
  const unsigned = path({ events: 84, bytes: 20_000 } as HistoryMeasure);
  const signed = path({ events: 85, bytes: 20_000 + 13 * 2_048 + 13 } as HistoryMeasure);
  expect(missed(historyFigures('by signal', signed, unsigned)).map(({ signed: value }) => value)).toEqual([1, 2_049]);
});

const at = (eventId: number, seconds: number, more: object): HistoryEvent =>
  ({ eventId, eventTime: { seconds, nanos: 0 }, ...more }) as never;

const EVENTS = [
  at(1, 1, { activityTaskScheduledEventAttributes: { activityType: { name: 'gate' } } }),
  at(2, 2, { activityTaskStartedEventAttributes: { scheduledEventId: 1 } }),
  at(3, 5, { activityTaskCompletedEventAttributes: { scheduledEventId: 1, startedEventId: 2 } }),
];

test('history facts: kinds, bytes, times of activities', () => {
  expect(EVENTS.map(eventKind)).toEqual(['activityTaskScheduled', 'activityTaskStarted', 'activityTaskCompleted']);
  expect(activityTimes(EVENTS)).toEqual([{ name: 'gate', ms: 3_000 }]);
  expect(bytesByKind([...EVENTS, ...EVENTS]).activityTaskStarted).toMatchObject({ events: 2 });
});

test('answerToActivity: the last answer before an activity counts, one without an activity does not', () => {
  expect(answerToActivity(EVENTS, [1_200, 1_500, 3_000])).toEqual([500]);
});

test('readStat: a program whose name holds brackets does not shift the fields', () => {
  const fields = Array.from({ length: 52 }, (_, index) => index + 1);
  fields[1] = 0;
  const text = fields.map((value, index) => (index === 1 ? '(a) b (c)' : value)).join(' ');
  expect(readStat(text)).toEqual({ rss_bytes: 24 * 4_096, cpu_ms: 290, children_cpu_ms: 330 });
});

test('figures: a goal that is missed or not measured is told', () => {
  const figures = [
    { name: 'fine', signed: 45, governed: 90, bare: 60, goal: 90 },
    { name: 'over', signed: null, governed: 91, bare: null, goal: 90 },
    { name: 'signed over', signed: 91, governed: 90, bare: null, goal: 90 },
    { name: 'lost', signed: null, governed: null, bare: null, goal: 90 },
    { name: 'free', signed: null, governed: null, bare: 1 },
  ];
  expect(missed(figures).map(({ name }) => name)).toEqual(['over', 'signed over', 'lost']);
  expect(renderFigures(figures)).toContain('| fine | 45 | 90 | 60 | 0.50× | 1.50× | ≤ 90 |');
});
