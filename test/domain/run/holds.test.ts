import { describe, expect, test } from 'vitest';
import type { PersonEscalation } from '../../../src/contracts/run/decisions.js';
import type { LedgerEvent, LedgerEventOf } from '../../../src/contracts/run/ledger.js';
import { appendEntry, EMPTY_LEDGER, headOf } from '../../../src/domain/ledger/ledger-chain.js';
import { replayLedger } from '../../../src/domain/ledger/replay-ledger.js';
import { authenticationOf } from '../../../src/domain/ledger/signed-acts.js';
import { MAX_ESCALATIONS, MAX_OPEN_ESCALATIONS } from '../../../src/domain/run/escalations.js';
import { nextStep } from '../../../src/domain/run/next-step.js';
import { DomainRunWithJournal, journalledPlan } from '../../support/journalled-run.js';
import { keyOf, signedPlan } from '../../support/signed-run.js';

/** A run under a policy that asks for signatures, whose first gate awaits a decision. */
const waiting = (plan = journalledPlan()) => new DomainRunWithJournal().open(plan).runJournalled('P00');
const stop = (run: DomainRunWithJournal, content?: PersonEscalation | null) => run.deliver('escalation', content);
const lift = (run: DomainRunWithJournal, id: string, parts = {}, name = 'grace') =>
  run.deliver('resolution', run.signedResolution(id, { choice: 'continue', actor: name, ...parts }, keyOf(name)));

const noEvidence = { escalationOf: () => undefined, signedMessage: () => null };

describe('hold: an unsigned stop where the policy asks for signatures', () => {
  test.each<[string, PersonEscalation | null | undefined, object]>([
    ['nothing at all', undefined, { raised_by: 'unknown', report: { issue: expect.stringContaining('without a') } }],
    ['null', null, { raised_by: 'unknown' }],
    ['an empty object', {}, { raised_by: 'unknown' }],
    ['a name and a reason', { actor: 'mallory', issue: 'Wrong repository.' }, { raised_by: 'mallory' }],
  ])('%s: nothing starts until an integrator continues, and the request is pending as before', (_, content, opened) => {
    const run = waiting();
    const requested = run.state.gates[0]?.request;
    expect(stop(run, content)).toMatchObject({ accepted: true });
    expect(run.ledger.at(-1)).toMatchObject({ type: 'escalationOpened', envelope: null, ...opened });
    expect(run.state.escalations).toMatchObject([{ escalation_id: 'E1', trigger: 'hold', gate: 'P00' }]);
    expect(run.deliver('approve', run.signedDecision('P00')).accepted).toBe(true);
    expect(nextStep(run.state)).toMatchObject({ kind: 'awaitResolution' });
    expect(requested).not.toBeNull();
    expect(lift(run, 'E1')).toMatchObject({ accepted: true });
    expect(nextStep(run.state)).toMatchObject({ kind: 'executeGate', gate: 'P01' });
    expect(replayLedger(run.ledger, noEvidence)).toMatchObject({ ok: true });
  });

  test('every integrator of the policy lifts it, and no other person', () => {
    expect(lift(stopped(), 'E1', {}, 'ivan')).toMatchObject({ accepted: true });
    expect(lift(stopped(), 'E1', {}, 'ada')).toMatchObject({ reason: 'SELF_APPROVAL' });
    expect(lift(stopped(), 'E1', {}, 'wendy')).toMatchObject({ reason: 'NOT_AN_INTEGRATOR' });
    const unsigned = { decision_id: 'one', actor: 'grace' };
    expect(stopped().resolve('E1', 'continue', unsigned)).toMatchObject({ reason: 'SIGNATURE_MISSING' });
  });

  test('to continue from it waives nothing', () => {
    const findings = [{ id: 'scope-1', rule: 'scope', severity: 'high' as const, blocking: true, message: 'm' }];
    const run = new DomainRunWithJournal().open(journalledPlan());
    run.runJournalled('P00', () => run.result('P00', {}, { verdict: 'fail', findings }));
    stop(run);
    expect(lift(run, 'E1', { guidance: 'fine' })).toMatchObject({ accepted: true });
    expect(run.ledger.at(-1)).toMatchObject({ type: 'escalationResolved', waived: [] });
    const approval = run.signedDecision('P00', { acknowledged: ['scope-1'] });
    expect(run.deliver('approve', approval)).toMatchObject({ reason: 'GATE_FAILED' });
  });

  test('it uses up no decision id, and the same message counts once', () => {
    const run = waiting();
    expect(stop(run, { decision_id: 'mine' })).toMatchObject({ accepted: true });
    expect(stop(run, { decision_id: 'mine' })).toMatchObject({ reason: 'DECISION_ALREADY_COUNTED' });
    expect(lift(run, 'E1', { decision_id: 'mine' })).toMatchObject({ accepted: true });
  });

  test('the names of a hold are claims, and leave the record as signed as it is', () => {
    const run = waiting(journalledPlan({ request_signed_by: { principal: 'ada', keyid: keyOf('ada').key.keyid } }));
    stop(run, { actor: 'grace' });
    lift(run, 'E1');
    expect(authenticationOf(run.ledger)).toBe('signed');
  });

  test('version 1 of the rules refuses it', () => {
    const run = waiting();
    run.state = { ...run.state, plan: signedPlan({ rules_version: 1 }) };
    expect(stop(run)).toMatchObject({ reason: 'SIGNATURE_MISSING' });
  });
});

describe('hold: bounds', () => {
  test('holds leave room for the escalations of those who have a key', () => {
    const run = waiting();
    for (let number = 0; number < MAX_OPEN_ESCALATIONS / 2; number++) expect(stop(run).accepted).toBe(true);
    expect(stop(run)).toMatchObject({ reason: 'TOO_MANY_ESCALATIONS' });
    expect(run.deliver('escalation', run.signedEscalation())).toMatchObject({ accepted: true });
  });

  test('a whole run takes half as many holds as escalations', () => {
    const run = waiting();
    for (let number = 1; number <= MAX_ESCALATIONS / 2; number++) {
      expect(stop(run).accepted).toBe(true);
      lift(run, `E${number}`);
    }
    expect(stop(run)).toMatchObject({ reason: 'TOO_MANY_ESCALATIONS' });
    expect(run.deliver('escalation', run.signedEscalation())).toMatchObject({ accepted: true });
  });
});

describe('hold: a ledger that says something else of it does not replay', () => {
  const changed = (run: DomainRunWithJournal, change: (event: LedgerEventOf<'escalationOpened'>) => object) => {
    const ledger = run.ledger.slice(0, 0);
    for (const { seq: _seq, prev: _prev, hash: _hash, at, ...event } of run.ledger) {
      const written = event.type === 'escalationOpened' ? { ...event, ...change(event) } : event;
      const head = ledger.length === 0 ? EMPTY_LEDGER : headOf(ledger);
      ledger.push(appendEntry(head, at, written as LedgerEvent));
    }
    return ledger;
  };

  test.each<[string, string, (event: LedgerEventOf<'escalationOpened'>) => object]>([
    ["a person's", 'ESCALATION_REFUSED', ({ report }) => ({ report: { ...report, trigger: 'person' } })],
    ["an executor's", 'FOLD_DIFFERS', ({ report }) => ({ report: { ...report, trigger: 'executor' } })],
    ["a rule's", 'FOLD_DIFFERS', ({ report }) => ({ report: { ...report, trigger: 'rule_violation' } })],
    ['of another gate', 'FOLD_DIFFERS', () => ({ gate: 'P03' })],
    ['of another attempt', 'FOLD_DIFFERS', () => ({ attempt: 2 })],
    ['signed', 'FOLD_DIFFERS', () => ({ envelope: waiting().signedEscalation() })],
    [
      'about a fork',
      'FOLD_DIFFERS',
      ({ report }) => ({ report: { ...report, fork: { journal_entries: 1, missing: 1 } } }),
    ],
  ])('%s: %s', (_, code, change) => {
    expect(replayLedger(stopped().ledger, noEvidence)).toMatchObject({ ok: true });
    expect(replayLedger(changed(stopped(), change), noEvidence)).toMatchObject({ ok: false, code });
  });

  test('a signed escalation that is written as a hold', () => {
    const run = waiting();
    run.deliver('escalation', run.signedEscalation());
    const asHold = ({ report }: LedgerEventOf<'escalationOpened'>) => ({ report: { ...report, trigger: 'hold' } });
    expect(replayLedger(changed(run, asHold), noEvidence)).toMatchObject({ ok: false, code: 'FOLD_DIFFERS' });
    const bare = (event: LedgerEventOf<'escalationOpened'>) => ({ ...asHold(event), envelope: null, gate: null });
    expect(replayLedger(changed(run, bare), noEvidence)).toMatchObject({ ok: false, code: 'FOLD_DIFFERS' });
  });

  test("a role's signed result claims none", () => {
    const report = { trigger: 'hold' as const, issue: 'i', impact: '', context: '', options: [], recommendation: '' };
    const run = new DomainRunWithJournal().open(journalledPlan());
    const escalation = { ...report, security_sensitive: false };
    run.runJournalled('P00', () => run.result('P00', {}, { verdict: 'blocked', escalation }));
    expect(run.ledger.find(({ type }) => type === 'gateInterrupted')).toMatchObject({ code: 'ATTESTATION_INVALID' });
  });
});

/** A run that is held. */
function stopped(): DomainRunWithJournal {
  const run = waiting();
  stop(run);
  return run;
}
