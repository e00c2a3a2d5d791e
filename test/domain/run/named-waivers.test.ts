import { expect, test } from 'vitest';
import type { EscalationReport } from '../../../src/contracts/run/escalation.js';
import type { Finding } from '../../../src/contracts/run/findings.js';
import { DomainRun, runPlan } from '../../support/domain.js';

const REPORT: EscalationReport = {
  trigger: 'rule_violation',
  issue: 'i',
  impact: '',
  context: '',
  options: ['o'],
  recommendation: 'r',
  security_sensitive: true,
};
const FIRST = '0123456789abcdef';
const SECOND = 'fedcba9876543210';
const candidate = (id: string, fingerprint: string): Finding => ({
  ...{ id, rule: 'secret_candidates', severity: 'high', blocking: true, message: 'm', fingerprint },
});
const BOTH = [candidate('secret_candidates-1', FIRST), candidate('secret_candidates-2', SECOND)];

/** A run whose P00 failed with two possible secrets, and escalated. */
const escalated = (waivable = ['secret_candidates'], findings: Finding[] = BOTH): DomainRun =>
  new DomainRun().open(runPlan({ waivable })).runGate('P00', { verdict: 'fail', findings, escalation: REPORT });
const waived = (run: DomainRun) =>
  run.events.flatMap((event) => (event.type === 'escalationResolved' ? event.waived : []));

test('named waiver: findings that are named with a reason are waived, and the gate can be approved', () => {
  const run = escalated();
  expect(run.resolve('E1', 'continue', { waive: [FIRST, SECOND], guidance: 'test values' }).accepted).toBe(true);
  expect(waived(run)).toEqual(['secret_candidates-1', 'secret_candidates-2']);
  const acknowledged = BOTH.map(({ id }) => id);
  expect(run.approve('P00', { acknowledged }).accepted).toBe(true);
});

test('named waiver: a continue without names waives none, and only those that are named are waived', () => {
  const run = escalated();
  expect(run.resolve('E1', 'continue', { guidance: 'all fine' }).accepted).toBe(true);
  expect(waived(run)).toEqual([]);
  expect(run.approve('P00', { acknowledged: BOTH.map(({ id }) => id) })).toMatchObject({ reason: 'GATE_FAILED' });
  const other = escalated();
  other.resolve('E1', 'continue', { waive: [SECOND], guidance: 'a test value' });
  expect(waived(other)).toEqual(['secret_candidates-2']);
});

test.each([undefined, '', '  '])('named waiver: refused without a reason (%j)', (guidance) => {
  const run = escalated();
  const given = guidance === undefined ? {} : { guidance };
  expect(run.resolve('E1', 'continue', { waive: [FIRST], ...given })).toMatchObject({ reason: 'REASON_MISSING' });
  expect(waived(run)).toEqual([]);
});

test('named waiver: refused for an unknown name, another choice, and a policy that does not call the rule waivable', () => {
  const reason = { guidance: 'a test value' };
  expect(escalated().resolve('E1', 'continue', { waive: ['00000000000000aa'], ...reason })).toMatchObject({
    reason: 'WAIVER_INVALID',
  });
  expect(escalated().resolve('E1', 'retry', { waive: [FIRST], ...reason })).toMatchObject({ reason: 'WAIVER_INVALID' });
  expect(escalated([]).resolve('E1', 'continue', { waive: [FIRST], ...reason })).toMatchObject({
    reason: 'WAIVER_INVALID',
  });
});

test('named waiver: a secret of a known format is never waived, whatever the plan says', () => {
  const known: Finding = { ...candidate('secrets-1', FIRST), rule: 'secrets', severity: 'critical' };
  const run = escalated(['secrets', 'secret_candidates'], [known]);
  expect(run.resolve('E1', 'continue', { waive: [FIRST], guidance: 'please' })).toMatchObject({
    reason: 'WAIVER_INVALID',
  });
});

test.each([undefined, '', '  '])('waiver: refused without a reason (%j) from version 2 of the rules on', (guidance) => {
  const given = guidance === undefined ? {} : { guidance };
  const findings: Finding[] = [{ id: 'checks-1', rule: 'checks', severity: 'high', blocking: true, message: 'm' }];
  const failed = (rules_version: number, waivable: string[]) =>
    new DomainRun()
      .open(runPlan({ rules_version, waivable }))
      .runGate('P00', { verdict: 'fail', findings, escalation: REPORT });

  const run = failed(2, ['checks']);
  expect(run.resolve('E1', 'continue', given)).toMatchObject({ accepted: false, reason: 'REASON_MISSING' });
  expect(run.events.at(-1)).toMatchObject({ type: 'refused', message: expect.stringContaining('it waives checks-1') });
  expect(run.resolve('E1', 'continue', { guidance: 'repaired elsewhere' }).accepted).toBe(true);
  expect(waived(run)).toEqual(['checks-1']);

  // What waives nothing needs no reason, and neither does a run that was opened by the rules of version 1.
  expect(failed(2, []).resolve('E1', 'continue', given).accepted).toBe(true);
  const old = failed(1, ['checks']);
  expect(old.resolve('E1', 'continue', given).accepted).toBe(true);
  expect(waived(old)).toEqual(['checks-1']);
});
