import { expect, test } from 'vitest';
import { decisionStatement } from '../../src/attestation/acts.js';
import { canonicalJson } from '../../src/contracts/canonical-json.js';
import { ledgerEventSchema } from '../../src/contracts/ledger.js';
import { GATE_IDS, type GateId } from '../../src/contracts/names.js';
import { runPlan } from '../support/domain.js';
import { keyOf, SignedRun, signedPlan } from '../support/signed-run.js';
import { makeTestKey } from '../support/signing.js';

const MINUTE = 60_000;

/** A run whose first gate awaits a decision. */
const waiting = (plan = signedPlan()) => new SignedRun().open(plan).runSigned('P00');
const at = (run: SignedRun, offset: number) => new Date(run.now + offset).toISOString();

type Case = readonly [name: string, act: (run: SignedRun) => unknown, reason: string | null];

const stranger = makeTestKey();

/** What a run that awaits P00.1.1 is sent, and the reason of its refusal; null where it counts. */
const CASES: readonly Case[] = [
  ['a signed approval counts', (run) => run.signedDecision('P00'), null],
  ['a signed rejection counts', (run) => run.signedDecision('P00', { choice: 'reject', reason: 'no' }), null],
  ['the second integrator may decide too', (run) => run.signedDecision('P00', { actor: 'ivan' }, keyOf('ivan')), null],
  [
    'one made four minutes early by its clock counts',
    (run) => run.signedDecision('P00', { decided_at: at(run, -4 * MINUTE) }),
    null,
  ],
  [
    'one made four minutes late by its clock counts',
    (run) => run.signedDecision('P00', { decided_at: at(run, 4 * MINUTE) }),
    null,
  ],
  ['an unsigned one', (run) => run.decision('P00'), 'SIGNATURE_MISSING'],
  ['an unsigned one with times', (run) => run.decision('P00', run.times()), 'SIGNATURE_MISSING'],
  ['nothing at all', () => undefined, 'ACTOR_MISSING'],
  ['a key that the policy lacks', (run) => run.signedDecision('P00', {}, stranger), 'KEY_UNKNOWN'],
  [
    "another's key under grace's name",
    (run) => run.signedDecision('P00', { actor: 'grace' }, keyOf('ivan')),
    'SIGNER_MISMATCH',
  ],
  ["the developer's own key", (run) => run.signedDecision('P00', { actor: 'ada' }, keyOf('ada')), 'SELF_APPROVAL'],
  ["the developer's key under grace's name", (run) => run.signedDecision('P00', {}, keyOf('ada')), 'SIGNER_MISMATCH'],
  ["the writer's key", (run) => run.signedDecision('P00', { actor: 'wendy' }, keyOf('wendy')), 'NOT_AN_INTEGRATOR'],
  ["the verifier's key", (run) => run.signedDecision('P00', { actor: 'victor' }, keyOf('victor')), 'NOT_AN_INTEGRATOR'],
  ["the reviewer's key", (run) => run.signedDecision('P00', { actor: 'rita' }, keyOf('rita')), 'NOT_AN_INTEGRATOR'],
  ["the reviewer's key under grace's name", (run) => run.signedDecision('P00', {}, keyOf('rita')), 'SIGNER_MISMATCH'],
  ['another run', (run) => run.signedDecision('P00', { run_id: 'run-two' }), 'RUN_MISMATCH'],
  ['another policy', (run) => run.signedDecision('P00', { policy_sha256: '0'.repeat(64) }), 'POLICY_MISMATCH'],
  ['another gate', (run) => run.signedDecision('P00', { gate: 'P01' }), 'REQUEST_NOT_STANDING'],
  ['another attempt', (run) => run.signedDecision('P00', { attempt: 2 }), 'REQUEST_NOT_STANDING'],
  ['another request', (run) => run.signedDecision('P00', { request_id: 'P00.1.2' }), 'REQUEST_NOT_STANDING'],
  ['other bytes', (run) => run.signedDecision('P00', { output_sha256: '0'.repeat(64) }), 'OUTPUT_MISMATCH'],
  [
    'made six minutes before its request',
    (run) => run.signedDecision('P00', { decided_at: at(run, -6 * MINUTE) }),
    'DECISION_TIME_INVALID',
  ],
  [
    'made six minutes ahead',
    (run) => run.signedDecision('P00', { decided_at: at(run, 6 * MINUTE) }),
    'DECISION_TIME_INVALID',
  ],
  ['expired', (run) => run.signedDecision('P00', { expires_at: at(run, -1) }), 'DECISION_EXPIRED'],
  ['expiring this instant', (run) => run.signedDecision('P00', { expires_at: at(run, 0) }), 'DECISION_EXPIRED'],
  ['without a time', (run) => keyOf('grace').seal(decisionStatement(run.decision('P00'))), 'MALFORMED'],
  ['an instant that is none', (run) => run.signedDecision('P00', { decided_at: 'yesterday' }), 'MALFORMED'],
  ['a rejection without a reason', (run) => run.signedDecision('P00', { choice: 'reject' }), 'REASON_MISSING'],
  ['a resolution in place of a decision', (run) => run.signedResolution('E1'), 'MALFORMED'],
  [
    'two signatures',
    (run) => {
      const envelope = run.signedDecision('P00');
      return { ...envelope, signatures: [...envelope.signatures, ...envelope.signatures] };
    },
    'MALFORMED',
  ],
  ['no signature', (run) => ({ ...run.signedDecision('P00'), signatures: [] }), 'MALFORMED'],
  [
    'a signature of other bytes',
    (run) => ({
      ...run.signedDecision('P00'),
      signatures: run.signedDecision('P00', { comment: 'other' }).signatures,
    }),
    'SIGNATURE_INVALID',
  ],
  [
    'another payload under the signature',
    (run) => ({
      ...run.signedDecision('P00'),
      payload: run.signedDecision('P00', { comment: 'other' }).payload,
    }),
    'SIGNATURE_INVALID',
  ],
  ['another payload type', (run) => ({ ...run.signedDecision('P00'), payloadType: 'application/json' }), 'MALFORMED'],
  ['a field more in the envelope', (run) => ({ ...run.signedDecision('P00'), actor: 'grace' }), 'MALFORMED'],
  [
    'a field more in the predicate',
    (run) => {
      const statement = decisionStatement(run.decision('P00', run.times()));
      return keyOf('grace').seal({ ...statement, predicate: { ...(statement.predicate as object), sudo: true } });
    },
    'MALFORMED',
  ],
  [
    'the bytes named twice',
    (run) => {
      const statement = decisionStatement(run.decision('P00', run.times()));
      return keyOf('grace').seal({ ...statement, subject: [...statement.subject, ...statement.subject] });
    },
    'MALFORMED',
  ],
  [
    'duplicated members',
    (run) => {
      const text = canonicalJson(decisionStatement(run.decision('P00', run.times())));
      return keyOf('grace').sealBytes(text.replace('"actor":"grace"', '"actor":"ivan","actor":"grace"'));
    },
    'MALFORMED',
  ],
  [
    '1.0 for 1',
    (run) => {
      const text = canonicalJson(decisionStatement(run.decision('P00', run.times())));
      return keyOf('grace').sealBytes(text.replace('"attempt":1', '"attempt":1.0'));
    },
    'MALFORMED',
  ],
  ['a look-alike of the name', (run) => run.signedDecision('P00', { actor: 'grаce' }), 'MALFORMED'],
  ['64 KiB and more', (run) => ({ ...run.signedDecision('P00'), payload: 'A'.repeat(70_000) }), 'TOO_LARGE'],
];

test.each(CASES)('signed decision by update: %s', (_, act, reason) => {
  const run = waiting();
  expect(run.deliver('decision', act(run)).reason).toBe(reason);
  expect(run.types().includes('decisionCounted')).toBe(reason === null);
  expect(run.types().includes('refused')).toBe(reason !== null);
  for (const { at: _at, ...event } of run.events) ledgerEventSchema.parse(event);
});

test.each(CASES)('signed decision by signal: %s', (_, act, reason) => {
  const run = waiting();
  const content = act(run);
  const text = JSON.stringify(content ?? null);
  const payload = (content as { payload?: string } | undefined)?.payload ?? '';
  const rejects = `${text}${Buffer.from(payload, 'base64').toString()}`.includes('"reject"');
  expect(run.deliver(rejects ? 'reject' : 'approve', content).reason).toBe(reason);
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

test('signed resolution: about exactly the report that was put up', () => {
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
    [(run) => run.signedResolution('E1', { decided_at: at(run, -6 * MINUTE) }), 'DECISION_TIME_INVALID'],
    [(run) => run.signedResolution('E1', {}, keyOf('wendy')), 'SIGNER_MISMATCH'],
    [(run) => run.signedDecision('P00'), 'MALFORMED'],
  ];
  for (const [act, reason] of cases) {
    const run = escalated();
    expect(run.deliver('resolution', act(run)).reason).toBe(reason);
  }
});

test('signed escalation: by any principal, bound to the run; unsigned ones are refused where signing is asked', () => {
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
