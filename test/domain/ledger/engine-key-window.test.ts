import { describe, expect, test } from 'vitest';
import type { PinnedKey } from '../../../src/contracts/keys.js';
import { ENGINE } from '../../../src/contracts/names.js';
import type { RunOpening } from '../../../src/contracts/run/journal.js';
import { runOpeningStatement } from '../../../src/domain/attest/acts.js';
import { engineHeads, readOpening } from '../../../src/domain/ledger/journal.js';
import { DomainRunWithJournal, ENGINE_KEY } from '../../support/journalled-run.js';

const { now: START } = new DomainRunWithJournal();
const instant = (offset: number): string => new Date(START + offset).toISOString();

/** Times of the engine's key, by what they say of an instant `at` milliseconds after the start, and whether it counts. */
const WINDOWS: readonly [string, (at: number) => Partial<PinnedKey>, boolean][] = [
  ['begins at that instant', (at) => ({ valid_from: instant(at) }), true],
  ['begins later', (at) => ({ valid_from: instant(at + 1) }), false],
  ['ends later', (at) => ({ valid_until: instant(at + 1) }), true],
  ['ended at that instant', (at) => ({ valid_until: instant(at) }), false],
  ['is revoked later', (at) => ({ revoked_at: instant(at + 1) }), true],
  ['was revoked at that instant', (at) => ({ revoked_at: instant(at) }), false],
];

const engine = (times: Partial<PinnedKey>) => ({ keys: [{ ...ENGINE_KEY.pinned, ...times }], required: true });

describe("the engine's key", () => {
  const opening: RunOpening = {
    run_id: 'run-one',
    first_execution_run_id: 'first-execution',
    policy_sha256: 'b'.repeat(64),
    request_sha256: 'a'.repeat(64),
    request_attestation_sha256: null,
    failed: null,
  };

  test.each(WINDOWS)('readOpening: judged at the time of the first entry: one that %s', (_, times, counts) => {
    const envelope = ENGINE_KEY.seal(runOpeningStatement(opening));
    const journal = [{ seq: 0, entry: { kind: 'opened' as const, ...opening, envelope } }];
    expect(readOpening(journal, engine(times(5)), instant(5))).toEqual(counts ? opening : null);
  });

  test.each(WINDOWS)(
    'engineHeads: judged at the time of the last entry of the head: one that %s',
    (_, times, counts) => {
      const run = new DomainRunWithJournal().open();
      run.now += 60_000;
      run.runJournalled('P00');
      run.journalHead({ by: ENGINE });
      const offset = run.now - START;
      const heads = engineHeads({ run_id: 'run-one', engine: engine(times(offset)) }, run.journal, run.ledger);
      expect(heads).toHaveLength(counts ? 1 : 0);
    },
  );
});
