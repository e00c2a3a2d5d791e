import { expect, test } from 'vitest';
import { GATE_IDS, type GateId } from '../../../src/contracts/names.js';
import { ledgerEventSchema } from '../../../src/contracts/run/ledger.js';
import { decisionStatement } from '../../../src/domain/attest/acts.js';
import { DECISION_CASES, signalOf, stranger } from '../../support/decision-cases.js';
import { runPlan } from '../../support/domain.js';
import { keyOf, SignedRun, signedPlan } from '../../support/signed-run.js';

/** A run whose first gate awaits a decision. */
const waiting = (plan = signedPlan()) => new SignedRun().open(plan).runSigned('P00');
const at = (run: SignedRun, offset: number) => new Date(run.now + offset).toISOString();

test.each(DECISION_CASES)('signed decision by update: %s', (_, act, reason) => {
  const run = waiting();
  expect(run.deliver('decision', act(run)).reason).toBe(reason);
  expect(run.types().includes('decisionCounted')).toBe(reason === null);
  expect(run.types().includes('refused')).toBe(reason !== null);
  for (const { at: _at, ...event } of run.events) ledgerEventSchema.parse(event);
});

test.each(DECISION_CASES)('signed decision by signal: %s', (_, act, reason) => {
  const run = waiting();
  const content = act(run);
  expect(run.deliver(signalOf(content), content).reason).toBe(reason);
});

test('signed decision: the same envelope counts once, and never for a later attempt or put-up', () => {
  const run = waiting();
  const rejection = run.signedDecision('P00', { choice: 'reject', reason: 'no', decision_id: 'one' });
  expect(run.deliver('reject', rejection).accepted).toBe(true);
  expect(run.deliver('reject', rejection).reason).toBe('REQUEST_NOT_STANDING');
  run.runSigned('P00');
  expect(run.deliver('reject', rejection).reason).toBe('REQUEST_NOT_STANDING');
  expect(run.deliver('approve', run.signedDecision('P00', { decision_id: 'one' })).reason).toBe(
    'DECISION_ALREADY_COUNTED',
  );
  expect(run.deliver('approve', run.signedDecision('P00')).accepted).toBe(true);
});

test('keys over time: a key counts from, until and before its revocation, by the ledger and no clock', () => {
  const instant = (run: SignedRun, offset: number) => new Date(run.now + offset).toISOString();
  const judged = (times: (run: SignedRun) => object) => {
    const base = new SignedRun();
    const keys = { ...signedPlan().keys, grace: [{ ...keyOf('grace').pinned, ...times(base) }] };
    const run = waiting(signedPlan({ keys }));
    return run.deliver('approve', run.signedDecision('P00')).reason;
  };
  expect(judged((run) => ({ valid_from: instant(run, 1) }))).toBe('KEY_NOT_VALID');
  expect(judged((run) => ({ valid_from: instant(run, 0) }))).toBeNull();
  expect(judged((run) => ({ valid_until: instant(run, 0) }))).toBe('KEY_NOT_VALID');
  expect(judged((run) => ({ valid_until: instant(run, 1) }))).toBeNull();
  expect(judged((run) => ({ revoked_at: instant(run, 0) }))).toBe('KEY_NOT_VALID');
  expect(judged((run) => ({ revoked_at: instant(run, 1) }))).toBeNull();
});

test('an optional policy: unsigned ones count and are marked, signed ones are still judged by their key', () => {
  const plan = signedPlan({ authentication: 'optional' });
  const unsigned = waiting(plan);
  expect(unsigned.approve('P00').accepted).toBe(true);
  expect(unsigned.events.find(({ type }) => type === 'decisionCounted')).toMatchObject({ envelope: null });
  const signed = waiting(plan);
  expect(signed.deliver('approve', signed.signedDecision('P00', {}, keyOf('ivan'))).reason).toBe('SIGNER_MISMATCH');
});

test('signed resolution: about exactly the pending report', () => {
  const escalated = () => {
    const run = waiting();
    run.deliver('escalation', run.signedEscalation());
    return run;
  };
  const cases: [(run: SignedRun) => unknown, string | null][] = [
    [(run) => run.signedResolution('E1'), null],
    [(run) => run.signedResolution('E1', { report_sha256: '0'.repeat(64) }), 'OUTPUT_MISMATCH'],
    [(run) => run.signedResolution('E1', { request_id: 'E1.2' }), 'REQUEST_NOT_STANDING'],
    [(run) => run.signedResolution('E1', { run_id: 'run-two' }), 'RUN_MISMATCH'],
    [(run) => run.signedResolution('E1', { decided_at: at(run, -6 * 60_000) }), 'DECISION_TIME_INVALID'],
    [(run) => run.signedResolution('E1', {}, keyOf('wendy')), 'SIGNER_MISMATCH'],
    [(run) => run.signedDecision('P00'), 'MALFORMED'],
  ];
  for (const [act, reason] of cases) {
    const run = escalated();
    expect(run.deliver('resolution', act(run)).reason).toBe(reason);
  }
});

test('signed escalation: by any principal, bound to the run; version 1 of the rules refuses unsigned ones', () => {
  const cases: [(run: SignedRun) => unknown, string | null][] = [
    [(run) => run.signedEscalation(), null],
    [(run) => run.signedEscalation({ actor: 'rita' }, keyOf('rita')), null],
    [() => undefined, 'SIGNATURE_MISSING'],
    [() => ({ actor: 'grace', issue: 'stop' }), 'SIGNATURE_MISSING'],
    [(run) => run.signedEscalation({}, stranger), 'KEY_UNKNOWN'],
    [(run) => run.signedEscalation({ actor: 'grace' }), 'SIGNER_MISMATCH'],
    [(run) => run.signedEscalation({ run_id: 'run-two' }), 'RUN_MISMATCH'],
    [(run) => run.signedEscalation({ expires_at: at(run, -1) }), 'DECISION_EXPIRED'],
  ];
  for (const [act, reason] of cases) {
    const run = waiting();
    expect(run.deliver('escalation', act(run)).reason).toBe(reason);
  }
});

const judgedResult = (
  make: (run: SignedRun, gate: GateId) => ReturnType<SignedRun['attest']> | null,
  gate: GateId = 'P00',
) => {
  const run = new SignedRun().open(signedPlan());
  run.runSigned(gate, () => make(run, gate));
  const interrupted = run.events.find(({ type }) => type === 'gateInterrupted');
  return { run, interrupted };
};

test("gate attestation: only the bound principal's key, about exactly this attempt, makes a result count", () => {
  expect(judgedResult((run, gate) => run.attest(gate)).interrupted).toBeUndefined();
  const wrong: ((run: SignedRun, gate: GateId) => ReturnType<SignedRun['attest']> | null)[] = [
    () => null,
    (run, gate) => run.attest(gate, {}, keyOf('victor')),
    (run, gate) => run.attest(gate, {}, stranger),
    (run, gate) => run.attest(gate, { principal: 'victor' }, keyOf('victor')),
    (run, gate) => run.attest(gate, { gate: 'P01' }),
    (run, gate) => run.attest(gate, { attempt: 2 }),
    (run, gate) => run.attest(gate, { runId: 'run-two' }),
    (run, gate) => run.attest(gate, { verdict: 'fail' }),
    (run, gate) => run.attest(gate, { policySha256: '0'.repeat(64) }),
    (run, gate) => run.attest(gate, {}, undefined, '0'.repeat(64)),
    (run) => keyOf('wendy').seal(decisionStatement(run.decision('P00', run.times()))),
  ];
  for (const make of wrong) {
    const { run, interrupted } = judgedResult(make);
    expect(interrupted).toMatchObject({ code: 'ATTESTATION_INVALID' });
    expect(run.state.escalations).toMatchObject([{ trigger: 'trust', gate: 'P00' }]);
    expect(run.deliver('resolution', run.signedResolution('E1', { choice: 'continue' })).reason).toBe(
      'NOTHING_TO_CONTINUE',
    );
    expect(run.deliver('resolution', run.signedResolution('E1', { choice: 'retry' })).accepted).toBe(true);
  }
});

test('gate attestation: an optional policy takes unsigned results, and refuses badly signed ones all the same', () => {
  const plan = runPlan({ keys: signedPlan().keys });
  const run = new SignedRun().open(plan).runSigned('P00', () => null);
  expect(run.state.gates[0]?.current?.status).toBe('finished');
  const bad = new SignedRun().open(plan);
  bad.runSigned('P00', () => bad.attest('P00', {}, keyOf('victor')));
  expect(bad.state.gates[0]?.current?.status).toBe('interrupted');
});

test('a whole run under signatures is approved', () => {
  const run = new SignedRun().open(signedPlan());
  for (const gate of GATE_IDS) {
    run.runSigned(gate);
    expect(run.deliver('approve', run.signedDecision(gate)).accepted).toBe(true);
  }
  expect(run.state.outcome).toBe('approved');
});
