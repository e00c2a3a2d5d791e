import { PromptOsError } from '../contracts/errors.js';
import type { LedgerEntry, LedgerEventOf } from '../contracts/ledger.js';

type Entry<T extends LedgerEntry['type']> = LedgerEventOf<T> & LedgerEntry;

/** A ledger's first entry. @throws PromptOsError LEDGER_BROKEN when it opens no run */
export function openingOf(entries: readonly LedgerEntry[]): Entry<'runOpened'> | Entry<'openingFailed'> {
  const first = entries[0];
  if (first?.type === 'runOpened' || first?.type === 'openingFailed') return first;
  throw new PromptOsError(
    'LEDGER_BROKEN',
    `Expected the ledger to begin with the run's opening, found ${first?.type}.`,
  );
}

/** A ledger's last entry. @throws PromptOsError LEDGER_BROKEN when it closes no run */
export function closingOf(entries: readonly LedgerEntry[]): Entry<'runClosed'> {
  const last = entries.at(-1);
  if (last?.type === 'runClosed') return last;
  throw new PromptOsError('LEDGER_BROKEN', `Expected the ledger to end with runClosed, found ${last?.type}.`);
}
