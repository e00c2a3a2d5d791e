import { afterAll, beforeAll, expect, inject, test } from 'vitest';
import { readStat } from '../../bench/governed/child-process.js';
import { awaitOpened } from '../../bench/governed/drive-governed-run.js';
import { GOALS, missed, renderFigures } from '../../bench/governed/figures.js';
import { activityTimes, answerToActivity, bytesByKind, eventKind } from '../../bench/governed/history-facts.js';
import { type HistoryEvent, measureHistory } from '../../bench/measure.js';
import { GATE_IDS } from '../../src/contracts/names.js';
import { approveSignal } from '../../src/workflows/messages.js';
import { exampleOutputs } from '../support/gate-outputs.js';
import { createGovernedWorker, type GovernedWorker, STRAIGHT, type WorkedRun } from '../support/governed-worker.js';
import { edits, outputs } from '../support/scripted-executor.js';

let worker: GovernedWorker;
beforeAll(async () => {
  worker = await createGovernedWorker({
    address: inject('temporalAddress'),
    policy: POLICY,
  });
});
afterAll(() => worker.close());

/** The example policy with room for a large patch, and a check that prints as much as the patch holds. */
const POLICY = `
schema_version: 1
name: figures
principals:
  ada: { kind: human }
  grace: { kind: human }
  nina: { kind: agent }
  vera: { kind: agent }
  rex: { kind: agent }
roles: { writer: nina, verifier: vera, reviewer: rex, integrator: [grace] }
decisions: { authentication: optional }
attestations: optional
limits: { patch_bytes: 20000000 }
checks:
  tests: { argv: [cat, src/split.js], timeout: 60s }
`;

const writes = (bytes: number) => {
  const change = edits({ 'src/split.js': 'export const n = 1;\n'.repeat(bytes / 20) }, outputs(exampleOutputs().P05));
  return { ...STRAIGHT, nina: [...(STRAIGHT.nina ?? []).slice(0, 3), change] };
};

const approveAll = async (run: WorkedRun, door: 'signal' | 'update') => {
  await awaitOpened(worker.client, run.handle.workflowId);
  for (const gate of GATE_IDS) {
    if (door === 'update') await run.approve(gate);
    else await run.handle.signal(approveSignal, run.decision(await run.awaitDecision(gate)));
  }
  expect(await worker.runs.wait(run.runId)).toMatchObject({ outcome: 'approved' });
  return measureHistory(worker.client, run.handle.workflowId);
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
  expect([signal.actions, update.actions]).toEqual([21, 21]);
  expect(Math.abs(large.bytes - update.bytes)).toBeLessThan(1_000);
}, 120_000);

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
    { name: 'fine', governed: 90, bare: 60, goal: 90 },
    { name: 'over', governed: 91, bare: null, goal: 90 },
    { name: 'lost', governed: null, bare: null, goal: 90 },
    { name: 'free', governed: null, bare: 1 },
  ];
  expect(missed(figures).map(({ name }) => name)).toEqual(['over', 'lost']);
  expect(renderFigures(figures)).toContain('| fine | 90 | 60 | 1.50× | ≤ 90 |');
});
