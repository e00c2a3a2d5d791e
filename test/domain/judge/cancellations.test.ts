import { describe, expect, test } from 'vitest';
import type { Cancellation } from '../../../src/contracts/run/decisions.js';
import { type LedgerEntry, ledgerEventSchema } from '../../../src/contracts/run/ledger.js';
import type { RunPlan } from '../../../src/contracts/run/run-plan.js';
import { cancellationStatement } from '../../../src/domain/attest/acts.js';
import { replayLedger } from '../../../src/domain/ledger/replay-ledger.js';
import { authenticationOf, signedActs } from '../../../src/domain/ledger/signed-acts.js';
import { describeRun } from '../../../src/domain/run/run-status.js';
import { stranger } from '../../support/decision-cases.js';
import { DomainRun, POLICY_SHA256, runInput, runPlan } from '../../support/domain.js';
import { DomainRunWithJournal, journalledPlan } from '../../support/journalled-run.js';
import { keyOf, SignedRun, signedPlan } from '../../support/signed-run.js';

const MINUTE = 60_000;
const at = (run: SignedRun, offset: number) => new Date(run.now + offset).toISOString();
/** A run whose first gate awaits a decision; its developer is ada. */
const waiting = (plan = signedPlan()) => new SignedRun().open(plan).runSigned('P00');
const cancellation = (parts: Partial<Cancellation> = {}): Cancellation => ({
  decision_id: 'c-1',
  run_id: 'run-one',
  policy_sha256: POLICY_SHA256,
  actor: 'ada',
  reason: 'enough',
  ...parts,
});

type Case = readonly [name: string, act: (run: SignedRun) => unknown, reason: string | null];

const CASES: readonly Case[] = [
  ['the developer', (run) => run.signedCancellation(), null],
  ['an integrator', (run) => run.signedCancellation({ actor: 'grace' }, keyOf('grace')), null],
  ['made before the run opened', (run) => run.signedCancellation({ decided_at: at(run, -60 * MINUTE) }), null],
  ['nothing at all', () => undefined, 'ACTOR_MISSING'],
  ['unsigned', () => cancellation(), 'SIGNATURE_MISSING'],
  ['the writer', (run) => run.signedCancellation({ actor: 'wendy' }, keyOf('wendy')), 'MAY_NOT_CANCEL'],
  ['a key that the policy lacks', (run) => run.signedCancellation({}, stranger), 'KEY_UNKNOWN'],
  ["the writer's key in ada's name", (run) => run.signedCancellation({}, keyOf('wendy')), 'SIGNER_MISMATCH'],
  [
    'a signature of other bytes',
    (run) => ({ ...run.signedCancellation(), signatures: run.signedCancellation({ reason: 'other' }).signatures }),
    'SIGNATURE_INVALID',
  ],
  ['another run', (run) => run.signedCancellation({ run_id: 'run-two' }), 'RUN_MISMATCH'],
  ['another policy', (run) => run.signedCancellation({ policy_sha256: '0'.repeat(64) }), 'POLICY_MISMATCH'],
  [
    'made six minutes ahead',
    (run) => run.signedCancellation({ decided_at: at(run, 6 * MINUTE) }),
    'DECISION_TIME_INVALID',
  ],
  ['expired', (run) => run.signedCancellation({ expires_at: at(run, 0) }), 'DECISION_EXPIRED'],
  ['without a time', () => keyOf('ada').seal(cancellationStatement(cancellation())), 'MALFORMED'],
  ['a decision in its place', (run) => run.signedDecision('P00'), 'MALFORMED'],
  ['an escalation in its place', (run) => run.signedEscalation(), 'MALFORMED'],
  ['a blank reason', (run) => run.signedCancellation({ reason: ' ' }), 'REASON_MISSING'],
  ['no reason', (run) => run.signedCancellation({ reason: '' }), 'MALFORMED'],
];

test.each(CASES)('signed cancellation: %s', (_, act, reason) => {
  const run = waiting();
  expect(run.deliver('cancellation', act(run)).reason).toBe(reason);
  const refusal = { kind: 'cancellation', reason };
  expect(run.events.filter(({ type }) => type === 'refused')).toMatchObject(reason === null ? [] : [refusal]);
  expect(run.state.phase).toBe(reason === null ? 'closed' : 'open');
  for (const { at: _at, ...event } of run.events) ledgerEventSchema.parse(event);
});

test('signed cancellation: an id that has counted counts no more', () => {
  const run = waiting();
  run.deliver('escalation', run.signedEscalation({ decision_id: 'one' }));
  expect(run.deliver('cancellation', run.signedCancellation({ decision_id: 'one' })).reason).toBe(
    'DECISION_ALREADY_COUNTED',
  );
  const good = run.signedCancellation({ decision_id: 'two' });
  expect(run.deliver('cancellation', good).accepted).toBe(true);
  expect(run.deliver('cancellation', good).reason).toBe('RUN_CLOSED');
});

test('signed cancellation: by a key only while the key counts', () => {
  const judged = (times: object) => {
    const keys = { ...signedPlan().keys, ada: [{ ...keyOf('ada').pinned, ...times }] };
    const run = waiting(signedPlan({ keys }));
    return run.deliver('cancellation', run.signedCancellation()).reason;
  };
  const now = new Date(new SignedRun().now).toISOString();
  expect(judged({ valid_until: now })).toBe('KEY_NOT_VALID');
  expect(judged({ revoked_at: now })).toBe('KEY_NOT_VALID');
  expect(judged({ valid_from: now })).toBeNull();
});

describe('who may cancel', () => {
  const judged = (rules: RunPlan['cancellation'], actor: string) => {
    const run = waiting(signedPlan({ cancellation: rules }));
    return run.deliver('cancellation', run.signedCancellation({ actor }, keyOf(actor))).reason;
  };
  test('the developer and the principals named, and no integrator that is not named', () => {
    const named = { developer: 'allowed' as const, principals: ['rita'] };
    expect(judged(named, 'ada')).toBeNull();
    expect(judged(named, 'rita')).toBeNull();
    expect(judged(named, 'grace')).toBe('MAY_NOT_CANCEL');
  });
  test('a developer only where the policy does not refuse it, unless named', () => {
    // Ada is the developer, and an integrator too in this plan.
    expect(judged({ developer: 'refused', principals: ['grace'] }, 'ada')).toBe('MAY_NOT_CANCEL');
    expect(judged({ developer: 'refused', principals: ['ada'] }, 'ada')).toBeNull();
    expect(judged({ developer: 'refused' }, 'grace')).toBeNull();
  });
  test('a name that differs from the developer in case is another name', () => {
    const run = new DomainRun().open(runPlan({ integrators: ['grace'] }));
    const sent = run.send({ type: 'message', kind: 'cancellation', content: cancellation({ actor: 'Ada' }) });
    expect(sent.answer.reason).toBe('ACTOR_UNKNOWN');
  });
});

test('an optional policy: an unsigned cancellation counts as a claim; a signed one is judged by its key', () => {
  const run = new DomainRun().open().runGate('P00');
  expect(run.send({ type: 'message', kind: 'cancellation', content: cancellation() }).answer.accepted).toBe(true);
  expect(run.events.slice(-2)).toMatchObject([
    { type: 'cancellationCounted', envelope: null },
    { type: 'runClosed', outcome: 'cancelled', reason: 'enough' },
  ]);
  const status = describeRun(run.state, runInput(), { entries: 1, hash: '' }, null);
  expect(status.cancellation).toMatchObject({ through: 'promptos', by: 'ada', reason: 'enough', signed_by: null });
  const signed = waiting(signedPlan({ authentication: 'optional' }));
  expect(signed.deliver('cancellation', signed.signedCancellation({}, keyOf('grace'))).reason).toBe('SIGNER_MISMATCH');
});

test('an optional policy: a developer who is no principal may cancel', () => {
  const run = new DomainRun().open(runPlan(), { ...runInput(), developer: 'Ada Lovelace' });
  const content = cancellation({ actor: 'Ada Lovelace' });
  expect(run.send({ type: 'message', kind: 'cancellation', content }).answer.accepted).toBe(true);
});

test("Temporal's own cancellation: is marked, names no actor, and makes the authentication mixed", () => {
  const run = new DomainRunWithJournal().open(journalledPlan({ request_signed_by: { principal: 'ada', keyid: 'k' } }));
  expect(authenticationOf(run.ledger)).toBe('signed');
  run.send({ type: 'cancel' });
  expect(run.ledger.at(-1)).toMatchObject({ through: 'temporal', reason: 'cancelled through Temporal' });
  expect(authenticationOf(run.ledger)).toBe('mixed');
  const { cancellation: shown } = describeRun(run.state, runInput(), { entries: 1, hash: '' }, null);
  expect(shown).toMatchObject({ through: 'temporal', by: null, signed_by: null });
});

test('a signed cancellation: is among the attestations, and leaves the authentication signed', () => {
  const run = new DomainRunWithJournal().open(journalledPlan({ request_signed_by: { principal: 'ada', keyid: 'k' } }));
  const envelope = run.signedCancellation();
  run.deliver('cancellation', envelope);
  expect(signedActs(run.ledger)).toEqual([{ path: 'evidence/attestations/decision-1.dsse.json', envelope }]);
  expect(authenticationOf(run.ledger)).toBe('signed');
});

describe('the journal', () => {
  test('a journalled cancellation that the ledger lacks is missing; one that counted or was refused is not', () => {
    const run = new DomainRunWithJournal().open(journalledPlan());
    const refused = run.signedCancellation({ actor: 'wendy' }, keyOf('wendy'));
    run.deliver('cancellation', refused);
    run.journalMessage('cancellation', refused);
    expect(run.missing()).toEqual([]);
    const envelope = run.signedCancellation();
    run.journalMessage('cancellation', envelope);
    expect(run.missing()).toEqual(['a cancellation by ada: enough']);
    run.journalMessage('cancellation', run.signedCancellation({ decision_id: 'again', reason: 'once more' }));
    run.deliver('cancellation', envelope);
    expect(run.missing()).toEqual([]);
  });
  test('ignores a message that is not signed by a key of the policy or is about another run', () => {
    const run = new DomainRunWithJournal().open(journalledPlan());
    run.journalMessage('cancellation', run.signedCancellation({}, stranger));
    run.journalMessage('cancellation', run.signedCancellation({ run_id: 'run-two' }));
    run.journalMessage('cancellation', run.signedCancellation({}, keyOf('grace')));
    expect(run.missing()).toEqual([]);
  });
});

describe('replay', () => {
  const evidence = { escalationOf: () => undefined, signedMessage: () => null };
  const closed = () => {
    const run = new DomainRunWithJournal().open(journalledPlan());
    run.deliver('cancellation', run.signedCancellation());
    return run;
  };
  const replayed = (ledger: readonly LedgerEntry[]) => replayLedger(ledger, evidence);
  /** The ledger with a change to its cancellation. */
  const changed = (ledger: readonly LedgerEntry[], change: object) =>
    ledger.map((entry) => (entry.type === 'cancellationCounted' ? ({ ...entry, ...change } as LedgerEntry) : entry));

  test('gives the same ledger again', () => {
    expect(replayed(closed().ledger)).toMatchObject({ ok: true, state: { outcome: 'cancelled' } });
  });
  test('refuses a cancellation that does not count', () => {
    const run = closed();
    for (const envelope of [
      null,
      run.signedCancellation({}, stranger),
      run.signedCancellation({}, keyOf('wendy')),
      run.signedCancellation({ run_id: 'run-two' }),
    ]) {
      const found = replayed(changed(run.ledger, { envelope }));
      expect(found).toMatchObject({ ok: false, code: 'CANCELLATION_REFUSED', seq: 1 });
    }
  });
  test('refuses another reason than the one that was signed, in either entry', () => {
    const { ledger } = closed();
    const other = changed(ledger, { cancellation: cancellation({ reason: 'other' }) });
    expect(replayed(other)).toMatchObject({ ok: false, code: 'FOLD_DIFFERS', seq: 1 });
    const closing = ledger.map((entry) => (entry.type === 'runClosed' ? { ...entry, reason: 'other' } : entry));
    expect(replayed(closing)).toMatchObject({ ok: false, code: 'FOLD_DIFFERS', seq: 2 });
  });
  test.each([
    [1, true],
    [2, false],
  ])("refuses an invented reason for Temporal's own; unmarked, in a ledger of version %d: %j", (version, ok) => {
    const run = new DomainRunWithJournal().open(journalledPlan({ rules_version: version }));
    run.send({ type: 'cancel' });
    const last = (change: (closing: LedgerEntry) => object) => [
      ...run.ledger.slice(0, -1),
      change(run.ledger.at(-1) as LedgerEntry) as LedgerEntry,
    ];
    expect(replayed(run.ledger)).toMatchObject({ ok: true });
    expect(replayed(last((closing) => ({ ...closing, through: undefined })))).toMatchObject({ ok });
    expect(replayed(last((closing) => ({ ...closing, reason: 'ada asked for it' })))).toMatchObject({
      ok: false,
      code: 'FOLD_DIFFERS',
    });
  });
});
