import { describe, expect, test } from 'vitest';
import type { Envelope } from '../../../src/contracts/keys.js';
import type { Fork } from '../../../src/contracts/run/escalation.js';
import { checkForks, describeFork, missingEntries } from '../../../src/domain/ledger/journal.js';
import { forkReport } from '../../../src/domain/run/escalations.js';
import { gateResult } from '../../support/domain.js';
import { DomainRunWithJournal, ENGINE_KEY, journalledPlan } from '../../support/journalled-run.js';
import { keyOf } from '../../support/signed-run.js';
import { makeTestKey } from '../../support/signing.js';

const OTHER = '0'.repeat(64);

/** A run whose first gate awaits a decision. */
const waiting = (plan = journalledPlan()) => new DomainRunWithJournal().open(plan).runJournalled('P00');

describe('missingEntries: heads', () => {
  test('a head that the ledger extends is accounted for', () => {
    const run = waiting();
    run.journalHead();
    run.deliver('approve', run.signedDecision('P00'));
    expect(run.missing()).toEqual([]);
  });

  test.each([
    ['another hash', { hash: OTHER }],
    ['more entries than the ledger has', { entries: 99 }],
  ])('a head of %s is missing', (_, parts) => {
    const run = waiting();
    run.journalHead(parts);
    expect(run.missing()).toHaveLength(1);
  });

  test("a head by a role's worker counts by that principal's key alone", () => {
    const run = waiting();
    run.journalHead({ hash: OTHER, by: 'wendy' }, keyOf('victor'));
    expect(run.missing()).toEqual([]);
    run.journalHead({ hash: OTHER, by: 'wendy' }, keyOf('wendy'));
    expect(run.missing()).toHaveLength(1);
  });

  test('a head by a key that is none of the engine, or of another run, counts for nothing', () => {
    const run = waiting();
    run.journalHead({ hash: OTHER }, makeTestKey());
    run.journalHead({ hash: OTHER, run_id: 'run-two' });
    run.journalHead({ hash: OTHER, by: 'constructor' }, makeTestKey());
    run.journalEntry(null);
    expect(run.missing()).toEqual([]);
  });

  test('the engine signs before its task is committed, so its head witnesses nothing', () => {
    const run = waiting();
    run.journalHead({ hash: OTHER, by: 'engine' });
    expect(run.missing()).toEqual([]);
  });

  test('an unsigned head counts only where the policy asks for no signatures', () => {
    const required = waiting();
    required.journalHead({ hash: OTHER }, null);
    expect(required.missing()).toEqual([]);
    const optional = waiting(journalledPlan({ attestations: 'optional' }));
    optional.journalHead({ hash: OTHER }, null);
    expect(optional.missing()).toHaveLength(1);
  });

  test('a head that says something else than what was signed counts for nothing', () => {
    const run = waiting();
    run.journalHead({ hash: OTHER });
    const [placed] = run.journal;
    if (placed?.entry?.kind !== 'head') throw new Error('expected a head');
    run.journal[0] = { seq: 0, entry: { ...placed.entry, head: { ...placed.entry.head, entries: 1 } } };
    expect(run.missing()).toEqual([]);
  });
});

describe('missingEntries: results', () => {
  const journalled = (run: DomainRunWithJournal, envelope: Envelope) => run.journalEntry({ kind: 'result', envelope });
  /** A run whose first gate gave a result, and another result of the same attempt. */
  const resulted = (other: (run: DomainRunWithJournal) => Envelope, plan = journalledPlan()) => {
    const run = new DomainRunWithJournal().open(plan);
    run.send({ type: 'startGate', gate: 'P00', attempt: 1 });
    const [first, second] = [run.result('P00'), other(run)];
    run.send({ type: 'finishGate', gate: 'P00', attempt: 1, result: { attestation: first } });
    return { run, first, second };
  };

  test('the result that the ledger has is accounted for, and so is one of an attempt without any', () => {
    const { run, first } = resulted((same) => same.result('P00'));
    journalled(run, first);
    expect(run.missing()).toEqual([]);
    const running = new DomainRunWithJournal().open(journalledPlan());
    running.send({ type: 'startGate', gate: 'P00', attempt: 1 });
    journalled(running, running.result('P00'));
    expect(running.missing()).toEqual([]);
  });

  test('a result in whose place the ledger has another is missing, and named for people', () => {
    const { run, second } = resulted((other) => other.result('P00', {}, { verdict: 'fail' }));
    journalled(run, second);
    expect(run.missing()).toEqual(['the result of P00, attempt 1, signed by wendy: fail; the ledger has another']);
  });

  test('a result of an attempt that was interrupted instead is missing, but for one that a fork interrupted', () => {
    for (const [code, missing] of [
      [
        'ATTESTATION_INVALID',
        ['the result of P00, attempt 1, signed by wendy: fail; the ledger has an interruption, ATTESTATION_INVALID'],
      ],
      ['FORK', []],
    ] as const) {
      const run = new DomainRunWithJournal().open(journalledPlan());
      run.send({ type: 'startGate', gate: 'P00', attempt: 1 });
      journalled(run, run.result('P00', {}, { verdict: 'fail' }));
      run.send({ type: 'interruptGate', gate: 'P00', attempt: 1, code, message: 'no answer' });
      expect(run.missing()).toEqual(missing);
    }
  });

  test('a signed result in whose place the ledger has one that is not signed is missing', () => {
    const run = new DomainRunWithJournal().open(journalledPlan({ attestations: 'optional' }));
    run.send({ type: 'startGate', gate: 'P00', attempt: 1 });
    journalled(run, run.result('P00', {}, { verdict: 'fail' }));
    run.send({ type: 'finishGate', gate: 'P00', attempt: 1, result: gateResult() });
    expect(run.missing()).toEqual([
      'the result of P00, attempt 1, signed by wendy: fail; the ledger has one that is not signed',
    ]);
  });

  test('a key that had ended before the run opened signs nothing that counts: no result, no head, no message', () => {
    const old = makeTestKey();
    const ended = { ...old.pinned, revoked_at: '2025-01-01T00:00:00.000Z' };
    const plan = journalledPlan();
    const keys = {
      ...plan.keys,
      wendy: [...(plan.keys.wendy ?? []), ended],
      grace: [...(plan.keys.grace ?? []), ended],
    };
    const { run, second } = resulted((other) => other.result('P00', {}, { verdict: 'fail' }, old), { ...plan, keys });
    journalled(run, second);
    run.journalHead({ hash: OTHER, by: 'wendy' }, old);
    const times = { decided_at: '2024-12-31T00:00:00.000Z', expires_at: '2026-12-31T00:00:00.000Z' };
    run.journalMessage('decision', run.signedDecision('P00', { choice: 'reject', reason: 'no', ...times }, old));
    expect(run.missing()).toEqual([]);
  });

  test.each<[string, (run: DomainRunWithJournal) => Envelope]>([
    ['by another key', (run) => run.result('P00', {}, { verdict: 'fail' }, keyOf('victor'))],
    ['about another run', (run) => run.result('P00', { runId: 'run-two' }, { verdict: 'fail' })],
    ['in the name of another', (run) => run.result('P00', { principal: 'victor' }, { verdict: 'fail' })],
    ['about another past', (run) => run.result('P00', { nonce: OTHER }, { verdict: 'fail' })],
  ])('a result that was signed %s counts for nothing', (_, other) => {
    const { run, second } = resulted(other);
    journalled(run, second);
    expect(run.missing()).toEqual([]);
  });
});

describe('missingEntries: messages', () => {
  test('a message that never came is missing, and named for people', () => {
    const run = waiting();
    run.journalMessage('decision', run.signedDecision('P00', { choice: 'reject', reason: 'the\nplan is wrong' }));
    run.journalMessage('escalation', run.signedEscalation());
    expect(run.missing()).toEqual(['reject of P00.1.1 by grace: the plan is wrong', 'an escalation by ada: stop']);
  });

  test('one that counted is accounted for', () => {
    const run = waiting();
    const envelope = run.signedDecision('P00');
    run.journalMessage('decision', envelope);
    expect(run.deliver('approve', envelope).accepted).toBe(true);
    expect(run.missing()).toEqual([]);
  });

  test('one that was refused is accounted for by its digest', () => {
    const run = waiting();
    const envelope = run.signedDecision('P00', { actor: 'wendy' }, keyOf('wendy'));
    run.journalMessage('decision', envelope);
    expect(run.missing()).toHaveLength(1);
    expect(run.deliver('decision', envelope).reason).toBe('NOT_AN_INTEGRATOR');
    expect(run.missing()).toEqual([]);
  });

  test('to send a decision as another kind, or through the other signal, does not account for it', () => {
    const run = waiting();
    const envelope = run.signedDecision('P00', { choice: 'reject', reason: 'no' });
    run.journalMessage('decision', envelope);
    for (const kind of ['resolution', 'escalation', 'approve'] as const) {
      expect(run.deliver(kind, envelope).accepted).toBe(false);
      expect(run.missing()).toHaveLength(1);
    }
    expect(run.deliver('reject', envelope).accepted).toBe(true);
    expect(run.missing()).toEqual([]);
  });

  test('the same decision that was signed twice counts once and is missing never', () => {
    const run = waiting();
    const first = run.signedDecision('P00', { decision_id: 'one' });
    run.journalMessage('decision', first);
    run.journalMessage('decision', run.signedDecision('P00', { decision_id: 'two', comment: 'Again.' }));
    run.deliver('approve', first);
    expect(run.missing()).toEqual([]);
  });

  test('the opposite decision on the same request is not the same', () => {
    const run = waiting();
    run.journalMessage('decision', run.signedDecision('P00', { choice: 'reject', reason: 'no' }));
    run.deliver('approve', run.signedDecision('P00'));
    expect(run.missing()).toEqual(['reject of P00.1.1 by grace: no']);
  });

  test('a final rejection is not the same as one that sends the run back', () => {
    const run = waiting();
    run.journalMessage('decision', run.signedDecision('P00', { choice: 'reject', reason: 'no', final: true }));
    run.deliver('reject', run.signedDecision('P00', { choice: 'reject', reason: 'no', decision_id: 'two' }));
    expect(run.missing()).toEqual(['reject of P00.1.1 by grace: no']);
  });

  test('what no key of the policy signed about this run counts for nothing', () => {
    const run = waiting();
    run.journalMessage('decision', run.signedDecision('P00', {}, makeTestKey()));
    run.journalMessage('decision', run.signedDecision('P00', { run_id: 'run-two' }));
    run.journalMessage('decision', run.signedDecision('P00', {}, keyOf('ivan')));
    run.journalMessage('resolution', run.signedDecision('P00'));
    expect(run.missing()).toEqual([]);
  });

  test('a key that has ended since does not make a message undone; one that had ended then does', () => {
    const ended = (offset: number) => {
      const start = new DomainRunWithJournal().now;
      const grace = [{ ...keyOf('grace').pinned, valid_until: new Date(start + offset).toISOString() }];
      const run = waiting(journalledPlan({ keys: { ...journalledPlan().keys, grace } }));
      run.journalMessage('decision', run.signedDecision('P00'));
      run.now += 10_000;
      return run.missing();
    };
    expect(ended(1)).toHaveLength(1);
    expect(ended(0)).toEqual([]);
  });
});

/** A run with a head of another past in its journal, and the fork that the engine raises for it. */
function forked(change: (fork: Fork) => Fork = (fork) => fork, context?: string) {
  const run = waiting();
  run.journalHead({ hash: OTHER });
  const missing = missingEntries(run.judged, run.journal, run.ledger, 0);
  const fork = change(describeFork(missing, run.journal.length, run.ledger.length));
  const report = forkReport(
    fork,
    missing.map(({ what }) => what),
  );
  run.send({ type: 'fork', report: context === undefined ? report : { ...report, context } });
  return run;
}

describe('checkForks', () => {
  const check = (run: DomainRunWithJournal) => checkForks(run.judged, run.journal, run.ledger);

  test('what a signed resolution answered is accepted, and nothing that was journalled later', () => {
    const run = forked();
    expect(check(run)).toEqual({ accepted: 0 });
    expect(run.deliver('resolution', run.signedResolution('E1', { choice: 'continue' })).accepted).toBe(true);
    expect(check(run)).toEqual({ accepted: 1 });
    expect(run.missing(1)).toEqual([]);
    run.journalHead({ hash: '1'.repeat(64) });
    expect(run.missing(1)).toHaveLength(1);
  });

  test('an aborted fork accepts nothing', () => {
    const run = forked();
    run.deliver('resolution', run.signedResolution('E1', { choice: 'abort' }));
    expect(check(run)).toEqual({ accepted: 0 });
  });

  test.each<[string, (fork: Fork) => Fork]>([
    ['another digest', (fork) => ({ ...fork, missing_sha256: OTHER })],
    ['fewer missing', (fork) => ({ ...fork, missing: fork.missing + 1 })],
    ['more of the journal than there is', (fork) => ({ ...fork, journal_entries: 2 })],
    ['less of the ledger', (fork) => ({ ...fork, ledger_entries: 99 })],
  ])('a fork that tells of %s is refused', (_, change) => {
    expect(check(forked(change))).toMatchObject({ problem: expect.stringContaining('E1') });
  });

  test('a fork with another report is refused', () => {
    expect(check(forked(undefined, 'nothing of weight'))).toMatchObject({ problem: expect.any(String) });
  });

  test('a fork that the journal does not show is refused', () => {
    const run = forked();
    run.journal[0] = { seq: 0, entry: null };
    expect(check(run)).toMatchObject({ problem: expect.any(String) });
  });
});

test('missingEntries: the engine signs with a key that its policy lists', () => {
  const run = waiting(journalledPlan({ engine_keys: [] }));
  run.journalHead({ hash: OTHER }, ENGINE_KEY);
  expect(run.missing()).toEqual([]);
});
