import { expect, test } from 'vitest';
import { nextStep } from '../../../src/domain/run/next-step.js';
import { describeRun } from '../../../src/domain/run/run-status.js';
import { DomainRun, gateResult, runInput, runPlan } from '../../support/domain.js';

const HOUR = 3_600_000;
const GATE = { gate: 'P00', attempt: 1 } as const;

/** Under deadlines of one hour, two hours and four hours. */
function handedOff(): DomainRun {
  const run = new DomainRun();
  run.open(runPlan(), runInput(['P00']));
  run.send({ type: 'startGate', ...GATE });
  run.send({ type: 'handOffGate', ...GATE });
  return run;
}

const later = (run: DomainRun, hours: number) => {
  run.now += hours * HOUR;
  return run.send({ type: 'clock' }).events.map(({ type }) => type);
};

const statusOf = (run: DomainRun) => {
  const claim = { claimant: 'wendy@desk', at: 'then', until: 'soon' };
  return describeRun(run.state, runInput(['P00']), { entries: 0, hash: '' }, null, 0, claim);
};

test('handOffGate: an attempt that runs is handed off once, and no other is', () => {
  const run = handedOff();
  expect(run.send({ type: 'handOffGate', ...GATE }).events).toEqual([]);
  expect(run.send({ type: 'handOffGate', gate: 'P00', attempt: 2 }).events).toEqual([]);
  expect(nextStep(run.state)).toMatchObject({ kind: 'awaitGate', ...GATE, principal: 'wendy' });
  expect(statusOf(run).gates[0]).toMatchObject({
    state: 'running',
    handed_off: { to: 'wendy', since: '2026-01-01T00:00:00.000Z' },
  });
});

test('handOffGate: the result ends the hand-off', () => {
  const run = handedOff();
  run.send({ type: 'finishGate', ...GATE, result: gateResult() });
  expect(nextStep(run.state)).toMatchObject({ kind: 'awaitDecision' });
  expect(statusOf(run).gates[0]?.handed_off).toBeUndefined();
});

test('deadlines: a gate that is done elsewhere is reminded and escalated, and goes on after a continue', () => {
  const run = handedOff();
  expect(later(run, 0.5)).toEqual([]);
  expect(later(run, 0.5)).toEqual(['reminded']);
  expect(later(run, 1)).toEqual(['escalationOpened']);
  expect(run.state.escalations[0]).toMatchObject({ trigger: 'deadline', gate: 'P00', raised_by: 'engine' });
  expect(run.state.escalations[0]?.report.issue).toContain('P00.1 was handed off to wendy');
  expect(run.resolve('E1', 'continue')).toMatchObject({ accepted: true });
  expect(nextStep(run.state)).toMatchObject({ kind: 'awaitGate', ...GATE });
  expect(later(run, 1)).toEqual(['reminded']);
});

test('deadlines: without an answer to its escalation a run that waits for a hand-off expires', () => {
  const run = handedOff();
  later(run, 2);
  expect(later(run, 1)).toEqual(['reminded']);
  expect(later(run, 3)).toEqual(['runClosed']);
  expect(run.state.outcome).toBe('expired');
});

test('resolution: a retry voids a hand-off at once, since no worker is at it', () => {
  const run = handedOff();
  later(run, 2);
  expect(run.resolve('E1', 'retry', { guidance: 'Ask Nina.' })).toMatchObject({ accepted: true });
  expect(run.events.at(-1)).toMatchObject({ type: 'gateSentBack', voided: [GATE] });
  expect(nextStep(run.state)).toMatchObject({ kind: 'executeGate', gate: 'P00', attempt: 2 });
});

test('resolution: a retry waits for a gate that a worker carries out', () => {
  const run = new DomainRun();
  run.open(runPlan(), runInput(['P00']));
  run.send({ type: 'startGate', ...GATE });
  run.send({ type: 'message', kind: 'escalation', content: { issue: 'Stop.', actor: 'grace' } });
  run.resolve('E1', 'retry');
  expect(nextStep(run.state)).toMatchObject({ kind: 'awaitGate', ...GATE });
});
