import { expect, test } from 'vitest';
import type { Envelope } from '../../../src/contracts/keys.js';
import type { PlacedJournalEntry } from '../../../src/contracts/run/journal.js';
import type { LedgerEntry } from '../../../src/contracts/run/ledger.js';
import { missingEntries } from '../../../src/domain/ledger/journal.js';
import { SignedRun, signedPlan } from '../../support/signed-run.js';

const placed = (envelopes: readonly Envelope[]): readonly PlacedJournalEntry[] =>
  envelopes.map((envelope, seq) => ({ seq, entry: { kind: 'message', message: 'escalation', envelope } }));

/** A run that was stopped with the first of some signed messages, and what of all of them its ledger lacks. */
function missingAfter(make: (run: SignedRun) => readonly Envelope[]) {
  const run = new SignedRun().open(signedPlan());
  const envelopes = make(run);
  run.deliver('escalation', envelopes[0]);
  const ledger = run.events as unknown as readonly LedgerEntry[];
  return missingEntries({ run_id: 'run-one', plan: signedPlan() }, placed(envelopes), ledger, 0);
}

test('missingEntries: a second stop in the same words is missing', () => {
  const stop = (run: SignedRun, decision_id: string) => run.signedEscalation({ decision_id, issue: 'stop' });
  expect(missingAfter((run) => [stop(run, 'one'), stop(run, 'two')])).toMatchObject([{ seq: 1, kind: 'message' }]);
});

test('missingEntries: one stop that was signed twice counts once', () => {
  const sign = (run: SignedRun, minutes: number) =>
    run.signedEscalation({
      decision_id: 'one',
      issue: 'stop',
      decided_at: new Date(run.now + minutes * 60_000).toISOString(),
    });
  expect(missingAfter((run) => [sign(run, 0), sign(run, 1)])).toEqual([]);
});
