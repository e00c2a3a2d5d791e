import type { RecordedCancellation } from '../../contracts/run/decisions.js';
import type { LedgerEntry, LedgerEventOf } from '../../contracts/run/ledger.js';
import { keyidOf } from '../attest/envelope.js';

interface Timed {
  readonly at: string;
}

/** A person's cancellation that counted, as records and statuses show it. */
export const recordedCancellation = ({
  at,
  cancellation: { actor, reason },
  envelope,
}: Pick<LedgerEventOf<'cancellationCounted'>, 'cancellation' | 'envelope'> & Timed): RecordedCancellation => ({
  at,
  through: 'promptos',
  by: actor,
  reason,
  signed_by: keyidOf(envelope),
});

/** Temporal's own: nothing is signed, so who did it is not known. */
export const temporalCancellation = ({
  at,
  reason,
}: Pick<LedgerEventOf<'runClosed'>, 'reason'> & Timed): RecordedCancellation => ({
  at,
  through: 'temporal',
  by: null,
  reason,
  signed_by: null,
});

/** How a cancelled run came to its end; undefined for any other, and for ledgers that do not say. */
export function cancellationOf(entries: readonly LedgerEntry[]): RecordedCancellation | undefined {
  for (const entry of entries) {
    if (entry.type === 'cancellationCounted') return recordedCancellation(entry);
    if (entry.type === 'runClosed' && entry.through !== undefined) return temporalCancellation(entry);
  }
  return undefined;
}
