import { describe, expect, test } from 'vitest';
import type { Envelope } from '../../../src/contracts/keys.js';
import type { ExecuteGateResult } from '../../../src/contracts/run/activities.js';
import { gateAttemptStatement } from '../../../src/domain/attest/acts.js';
import { headOf } from '../../../src/domain/ledger/ledger-chain.js';
import { gateResult, POLICY_SHA256 } from '../../support/domain.js';
import { DomainRunWithJournal, journalledPlan } from '../../support/journalled-run.js';
import { keyOf } from '../../support/signed-run.js';
import { makeTestKey } from '../../support/signing.js';

/** A run whose first gate runs. */
function running(plan = journalledPlan()) {
  const run = new DomainRunWithJournal().open(plan);
  run.send({ type: 'startGate', gate: 'P00', attempt: 1 });
  return run;
}
const instant = (time: number): string => new Date(time).toISOString();
const finish = (run: DomainRunWithJournal, attestation: Envelope | null, beside: Partial<ExecuteGateResult> = {}) => {
  const result =
    Object.keys(beside).length === 0 && attestation !== null ? { attestation } : gateResult({ ...beside, attestation });
  run.send({ type: 'finishGate', gate: 'P00', attempt: 1, result });
  return run.events.find(({ type }) => type === 'gateFinished' || type === 'gateInterrupted');
};

describe('a signed result', () => {
  test('counts as it was signed', () => {
    const run = running();
    const findings = [{ id: 'a-1', rule: 'a', severity: 'low' as const, blocking: false, message: 'm' }];
    const envelope = run.result('P00', {}, { verdict: 'fail', reason: 'no', findings });
    expect(finish(run, envelope)).toMatchObject({ verdict: 'fail', reason: 'no', findings, attestation: envelope });
  });

  test('what arrives beside the envelope is ignored', () => {
    const run = running();
    const findings = [{ id: 'a-1', rule: 'a', severity: 'critical' as const, blocking: true, message: 'm' }];
    const envelope = run.result('P00', {}, { verdict: 'fail', findings, blocking_omitted: 2, findings_omitted: 2 });
    const beside = { verdict: 'pass' as const, findings: [], output_sha256: '9'.repeat(64) };
    expect(finish(run, envelope, beside)).toMatchObject({
      verdict: 'fail',
      findings,
      blocking_omitted: 2,
      output_sha256: 'e'.repeat(64),
    });
  });

  test("an escalation is the principal's own word", () => {
    const run = running();
    const escalation = {
      trigger: 'executor' as const,
      issue: 'Who pays?',
      impact: '',
      context: '',
      options: [],
      recommendation: '',
      security_sensitive: false,
    };
    finish(run, run.result('P00', {}, { verdict: 'blocked', escalation }));
    expect(run.state.escalations).toMatchObject([{ trigger: 'executor', raised_by: 'wendy', report: escalation }]);
  });

  const fork = {
    trigger: 'fork',
    issue: '',
    impact: '',
    context: '',
    options: [],
    recommendation: '',
    securitySensitive: true,
  };
  const WRONG: readonly [string, (run: DomainRunWithJournal) => Envelope | null, RegExp][] = [
    ['is not signed', () => null, /not signed/],
    ["is signed with another principal's key", (run) => run.result('P00', {}, {}, keyOf('victor')), /key of wendy/],
    ['is signed with an unknown key', (run) => run.result('P00', {}, {}, makeTestKey()), /key of wendy/],
    ['names another run', (run) => run.result('P00', { runId: 'run-two' }), /another runId/],
    ['names another gate', (run) => run.result('P00', { gate: 'P01' }), /another gate/],
    ['names another attempt', (run) => run.result('P00', { attempt: 2 }), /another attempt/],
    ['names another principal', (run) => run.result('P00', { principal: 'victor' }), /another principal/],
    ['names another policy', (run) => run.result('P00', { policySha256: '0'.repeat(64) }), /another policySha256/],
    ['was made for another past', (run) => run.result('P00', { nonce: '0'.repeat(64) }), /another nonce/],
    ['was given other feedback', (run) => run.result('P00', { feedbackSha256: '0'.repeat(64) }), /feedbackSha256/],
    ['names no head of the ledger', (run) => run.result('P00', { ledger: null }), /another head/],
    [
      'names a head with a field more',
      (run) => run.result('P00', { ledger: { entries: 2, hash: 'a', more: 1 } }),
      /another head/,
    ],
    [
      'names a later head of this ledger',
      (run) => {
        run.deliver('approve', 'anything');
        return run.result('P00', { ledger: headOf(run.ledger) });
      },
      /another head/,
    ],
    [
      'names the head of its start as a later one',
      (run) => run.result('P00', { ledger: { ...headOf(run.ledger), entries: headOf(run.ledger).entries + 1 } }),
      /another head/,
    ],
    ['has another shape', (run) => run.result('P00', { findings: 'none' }), /another shape/],
    ['claims a fork', (run) => run.result('P00', { escalation: fork }), /another shape/],
    [
      'is a statement of version 1',
      () =>
        keyOf('wendy').seal(
          gateAttemptStatement('e'.repeat(64), {
            runId: 'run-one',
            gate: 'P00',
            attempt: 1,
            principal: 'wendy',
            verdict: 'pass',
            policySha256: POLICY_SHA256,
            promptSha256: '1'.repeat(64),
            renderedPromptSha256: null,
          }),
        ),
      /gate-attempt\/v0\.2/,
    ],
  ];
  test.each(WRONG)('does not count when it %s', (_, make, problem) => {
    const run = running();
    expect(finish(run, make(run))).toMatchObject({
      type: 'gateInterrupted',
      code: 'ATTESTATION_INVALID',
      message: expect.stringMatching(problem),
    });
    expect(run.state.escalations).toMatchObject([{ trigger: 'trust', gate: 'P00' }]);
  });

  test.each<[string, (now: number) => object, boolean]>([
    ['begins at that instant', (now) => ({ valid_from: instant(now) }), true],
    ['begins later', (now) => ({ valid_from: instant(now + 1) }), false],
    ['ends later', (now) => ({ valid_until: instant(now + 1) }), true],
    ['ended at that instant', (now) => ({ valid_until: instant(now) }), false],
    ['is revoked later', (now) => ({ revoked_at: instant(now + 1) }), true],
    ['was revoked at that instant', (now) => ({ revoked_at: instant(now) }), false],
  ])('the key of the principal must count at workflow time: one that %s', (_, times, counts) => {
    const { now } = new DomainRunWithJournal();
    const wendy = [{ ...keyOf('wendy').pinned, ...times(now) }];
    const run = running(journalledPlan({ keys: { ...journalledPlan().keys, wendy } }));
    expect(finish(run, run.result('P00'))).toMatchObject(
      counts
        ? { type: 'gateFinished', verdict: 'pass' }
        : { type: 'gateInterrupted', code: 'ATTESTATION_INVALID', message: expect.stringMatching(/valid at/) },
    );
  });

  test('the result of an attempt before does not count for the next', () => {
    const run = running();
    const first = run.result('P00');
    finish(run, first);
    run.deliver('reject', run.signedDecision('P00', { choice: 'reject', reason: 'once more' }));
    run.send({ type: 'startGate', gate: 'P00', attempt: 2 });
    run.send({ type: 'finishGate', gate: 'P00', attempt: 2, result: { attestation: first } });
    expect(run.events.find(({ type }) => type === 'gateInterrupted')).toMatchObject({ code: 'ATTESTATION_INVALID' });
  });

  test('unsigned results count where the policy takes them', () => {
    const run = running(journalledPlan({ attestations: 'optional' }));
    expect(finish(run, null, { verdict: 'fail' })).toMatchObject({ type: 'gateFinished', verdict: 'fail' });
  });
});
