import { expect, test } from 'vitest';
import type { Decision, RefusalReason } from '../../../src/contracts/run/decisions.js';
import { DomainRun } from '../../support/domain.js';

/** What is wrong with a decision, from what is judged first to what is judged last. */
const FAULTS: readonly (readonly [RefusalReason, Partial<Record<keyof Decision, unknown>>])[] = [
  ['TOO_LARGE', { comment: 'x'.repeat(70_000) }],
  ['MALFORMED', { attempt: 0 }],
  ['ACTOR_UNKNOWN', { actor: 'stranger' }],
  ['RUN_MISMATCH', { run_id: 'run-two' }],
  ['POLICY_MISMATCH', { policy_sha256: '0'.repeat(64) }],
  ['REQUEST_NOT_STANDING', { request_id: 'P01.9.9' }],
  ['OUTPUT_MISMATCH', { output_sha256: '0'.repeat(64) }],
  ['DECISION_ALREADY_COUNTED', { decision_id: 'used' }],
  ['GATE_FAILED', {}],
];

/** P01 failed and waits for a decision; `used` counted for P00. */
function failedAtP01(): DomainRun {
  const run = new DomainRun().open().runGate('P00');
  run.approve('P00', { decision_id: 'used' });
  return run.runGate('P01', { verdict: 'fail', reason: 'no' });
}

test.each(FAULTS.map(([reason], index) => [reason, index] as const))(
  'decide: %s is judged before every later fault',
  (reason, index) => {
    const run = failedAtP01();
    const spoiled = Object.assign({}, ...FAULTS.slice(index).map(([, parts]) => parts));
    expect(run.approve('P01', spoiled).reason).toBe(reason);
  },
);

test('decide: an actor without the role, and the developer, are refused before the request is looked at', () => {
  const run = failedAtP01();
  expect(run.approve('P01', { actor: 'wendy', request_id: 'P01.9.9' }).reason).toBe('NOT_AN_INTEGRATOR');
  expect(run.approve('P01', { actor: 'ada', request_id: 'P01.9.9' }).reason).toBe('SELF_APPROVAL');
});

test.each([
  ['a stranger', { actor: 'stranger' }],
  ['an agent', { actor: 'wendy' }],
  ['the developer', { actor: 'ada' }],
  ['a decision too early', { request_id: 'P00.2.1', attempt: 2 }],
  ['a decision about other bytes', { output_sha256: '0'.repeat(64) }],
  ['an integrator without a reason', { choice: 'reject' as const }],
])('decide: %s burns no id', (_, parts) => {
  const run = new DomainRun().open().runGate('P00');
  expect(run.approve('P00', { decision_id: 'mine', ...parts }).accepted).toBe(false);
  expect(run.state.decision_ids).toEqual([]);
  expect(run.approve('P00', { decision_id: 'mine' }).accepted).toBe(true);
  expect(run.state.decision_ids).toEqual(['mine']);
});

test('decide: a resolution and a decision share one set of ids', () => {
  const run = new DomainRun().open();
  run.send({ type: 'message', kind: 'escalation', content: undefined });
  expect(run.resolve('E1', 'continue', { decision_id: 'one' }).accepted).toBe(true);
  run.runGate('P00');
  expect(run.approve('P00', { decision_id: 'one' }).reason).toBe('DECISION_ALREADY_COUNTED');
});

test('decide: the same decision sent again after the request has passed is not standing', () => {
  const run = new DomainRun().open().runGate('P00');
  const decision = run.decision('P00');
  const twice = [0, 1].map(() => run.send({ type: 'message', kind: 'decision', content: decision }).answer.reason);
  expect(twice).toEqual([null, 'REQUEST_NOT_STANDING']);
  expect(run.types().filter((type) => type === 'decisionCounted')).toHaveLength(1);
});
