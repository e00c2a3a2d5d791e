import { expect, test } from 'vitest';
import { GATE_IDS, type GateId } from '../../../src/contracts/names.js';
import type { Finding } from '../../../src/contracts/run/findings.js';
import { DomainRun, runPlan } from '../../support/domain.js';

/** A run that has passed every gate before `gate`. */
function before(gate: GateId, plan = runPlan()): DomainRun {
  const run = new DomainRun().open(plan);
  for (const earlier of GATE_IDS.slice(0, GATE_IDS.indexOf(gate))) {
    run.runGate(earlier);
    run.approve(earlier);
  }
  return run;
}

const high = (id: string, blocking = false): Finding => ({
  id,
  rule: 'scope',
  severity: 'high',
  blocking,
  message: 'm',
});
const feedbackOf = (run: DomainRun, gate: GateId) =>
  run.state.gates.find((candidate) => candidate.gate === gate)?.feedback.map(({ text }) => text);

test('resolution: guidance of a continue goes along with the send-back that waits', () => {
  const run = before('P06', runPlan({ rework_rounds: 0 })).runGate('P06', {
    verdict: 'fail',
    findings: [high('scope-1', true)],
  });
  run.reject('P06', { reason: 'wrong' });
  run.resolve('E1', 'continue', { guidance: 'use integers' });
  expect(feedbackOf(run, 'P05')).toEqual(['wrong', 'use integers']);
});

test('approval: severe findings that did not travel cannot be acknowledged, so the gate cannot be approved', () => {
  const run = before('P07').runGate('P07', { findings: [high('review-1')], findings_omitted: 1, severe_omitted: 1 });
  expect(run.approve('P07', { acknowledged: ['review-1'] })).toMatchObject({ reason: 'FINDINGS_NOT_ACKNOWLEDGED' });
});

test('approval: a gate that needs none still waits when there is something to acknowledge', () => {
  const run = before('P07', runPlan({ approvals: { ...runPlan().approvals, P07: 0 } })).runGate('P07', {
    findings: [high('review-1')],
  });
  expect(run.state.phase).toBe('open');
  expect(run.approve('P07', { acknowledged: ['review-1'] }).accepted).toBe(true);
  expect(run.state.outcome).toBe('approved');
});

test('resolution: continue after a deadline waives nothing', () => {
  const run = before('P05').runGate('P05', { verdict: 'fail', findings: [high('scope-1', true)] });
  run.now += 3 * 3_600_000;
  run.send({ type: 'clock' });
  run.resolve('E1', 'continue');
  expect(run.events.findLast(({ type }) => type === 'escalationResolved')).toMatchObject({ waived: [] });
  expect(run.approve('P05', { acknowledged: ['scope-1'] })).toMatchObject({ reason: 'GATE_FAILED' });
});

test('waiver: findings left behind that do not block do not keep a waived gate failed', () => {
  const omitted = { findings_omitted: 3, blocking_omitted: 0, severe_omitted: 0 };
  const run = before('P05').runGate('P05', { verdict: 'fail', findings: [high('scope-1', true)], ...omitted });
  run.send({ type: 'message', kind: 'escalation', content: { actor: 'grace', issue: 'a false alarm' } });
  run.resolve('E1', 'continue');
  expect(run.approve('P05', { acknowledged: ['scope-1'] }).accepted).toBe(true);
});

test('escalation: a message that arrives by update and by signal opens one', () => {
  const run = before('P01');
  const content = { decision_id: 'once', issue: 'stop' };
  expect(run.send({ type: 'message', kind: 'escalation', content }).answer.accepted).toBe(true);
  expect(run.send({ type: 'message', kind: 'escalation', content }).answer.reason).toBe('DECISION_ALREADY_COUNTED');
  expect(run.state.escalations).toHaveLength(1);
});

test('rejection: a final one counts while an escalation is open, and ends the run when it closes', () => {
  const run = before('P01').runGate('P01');
  run.send({ type: 'message', kind: 'escalation', content: undefined });
  expect(run.reject('P01', { final: true, reason: 'never' }).accepted).toBe(true);
  expect(run.state.phase).toBe('open');
  run.resolve('E1', 'retry');
  expect(run.state).toMatchObject({ phase: 'closed', outcome: 'rejected', outcome_reason: 'never' });
});
