import type { LedgerEntry } from '../../contracts/run/ledger.js';
import type { AttemptStep } from '../run/next-step.js';

/** The entry with which an attempt began; undefined when it has not started. */
export const gateStart = (
  entries: readonly LedgerEntry[],
  { gate, attempt }: Pick<AttemptStep, 'gate' | 'attempt'>,
): LedgerEntry | undefined =>
  entries.findLast((entry) => entry.type === 'gateStarted' && entry.gate === gate && entry.attempt === attempt);
