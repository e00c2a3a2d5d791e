import { describe, expect, test } from 'vitest';
import { nextDeadline } from '../../../src/domain/run/deadlines.js';
import { nextStep } from '../../../src/domain/run/next-step.js';
import { DomainRun, runPlan } from '../../support/domain.js';

const HOUR = 3_600_000;
const START = Date.parse('2026-01-01T00:00:00.000Z');
const { remind, escalate, expire } = { remind: HOUR, escalate: 2 * HOUR, expire: 4 * HOUR };
const plan = runPlan({ deadlines: { remind, escalate, expire } });

const awaiting = (): DomainRun => new DomainRun().open(plan).runGate('P00');
const after = (run: DomainRun, milliseconds: number): readonly string[] => {
  run.now += milliseconds;
  return run.send({ type: 'clock' }).events.map(({ type }) => type);
};
const due = (run: DomainRun): number | null => {
  const deadline = nextDeadline(run.state);
  return deadline === null ? null : deadline - START;
};

describe('deadlines: a request without an answer', () => {
  test('reminds, then escalates, then expires', () => {
    const run = awaiting();
    expect(due(run)).toBe(remind);
    expect(after(run, remind - 1)).toEqual([]);
    expect(after(run, 1)).toEqual(['reminded']);
    expect(due(run)).toBe(escalate);
    expect(after(run, escalate - remind)).toEqual(['escalationOpened']);
    expect(run.events.at(-1)).toMatchObject({ raised_by: 'engine', gate: 'P00', report: { trigger: 'deadline' } });
    expect(due(run)).toBe(escalate + remind);
    expect(after(run, remind)).toEqual(['reminded']);
    expect(due(run)).toBe(escalate + expire);
    expect(after(run, expire - remind)).toEqual(['runClosed']);
    expect(run.state).toMatchObject({ outcome: 'expired', outcome_reason: 'E1.1 was not answered in time' });
    expect(due(run)).toBeNull();
  });

  test('a worker that was away for long does at once what is due', () => {
    const late = awaiting();
    expect(after(late, escalate)).toEqual(['reminded', 'escalationOpened']);
    const later = awaiting();
    expect(after(later, expire)).toEqual(['runClosed']);
    expect(later.state.outcome).toBe('expired');
  });

  test('a timer reminds once, and escalates once', () => {
    const run = awaiting();
    after(run, remind);
    expect(after(run, 1)).toEqual([]);
    after(run, escalate);
    expect(after(run, 1)).toEqual([]);
    expect(run.state.escalations_raised).toBe(1);
  });

  test('nothing is approved by a timer, whatever time passes', () => {
    const run = awaiting();
    for (let step = 0; step < 200; step++) after(run, HOUR / 4);
    expect(run.types()).not.toContain('gatePassed');
    expect(run.state.outcome).toBe('expired');
  });
});

describe('deadlines: what time does not touch', () => {
  test('a gate that runs waits for no person', () => {
    const run = new DomainRun().open(plan);
    run.send({ type: 'startGate', gate: 'P00', attempt: 1 });
    expect(due(run)).toBeNull();
    expect(after(run, 100 * HOUR)).toEqual([]);
  });

  test('a run that is not open, or has ended', () => {
    const run = new DomainRun();
    expect([due(run), after(run, HOUR)]).toEqual([null, []]);
    run.open(plan).send({ type: 'cancel' });
    expect([due(run), after(run, 100 * HOUR)]).toEqual([null, []]);
  });
});

describe('deadlines: after an escalation', () => {
  test('the waiting time of a held request starts again when the last hold closes', () => {
    const run = awaiting();
    run.send({ type: 'message', kind: 'escalation', content: undefined });
    run.now += 3 * HOUR;
    run.resolve('E1', 'continue');
    expect(due(run)).toBe(3 * HOUR + remind);
  });

  test('continue reopens a stale request', () => {
    const run = awaiting();
    after(run, escalate);
    run.resolve('E1', 'continue');
    expect(nextStep(run.state)).toMatchObject({
      kind: 'awaitDecision',
      request: { request_id: 'P00.1.2', reminded: false, approved_by: [] },
    });
    expect(due(run)).toBe(escalate + remind);
  });

  test('an approval that came after the deadline counts: continue lets the gate pass', () => {
    const run = awaiting();
    after(run, escalate);
    expect(run.approve('P00').accepted).toBe(true);
    run.resolve('E1', 'continue');
    expect(run.types().slice(-2)).toEqual(['escalationResolved', 'gatePassed']);
  });

  test('several open ones: the first to fall due is what time waits for', () => {
    const run = awaiting();
    run.send({ type: 'message', kind: 'escalation', content: undefined });
    run.now += HOUR / 2;
    run.send({ type: 'message', kind: 'escalation', content: undefined });
    expect(due(run)).toBe(remind);
    expect(after(run, HOUR / 2)).toEqual(['reminded']);
    expect(due(run)).toBe(HOUR / 2 + remind);
  });
});
