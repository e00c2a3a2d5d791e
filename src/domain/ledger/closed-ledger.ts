import { PromptOsError } from '../../contracts/errors.js';
import { sameJson } from '../../contracts/json.js';
import { SHA256_PATTERN } from '../../contracts/names.js';
import type { FinaliseResult } from '../../contracts/run/activities.js';
import type { LedgerEntry, LedgerEventOf } from '../../contracts/run/ledger.js';
import { runRecordStatement } from '../attest/acts.js';
import { openEnvelope } from '../attest/envelope.js';
import { readEnvelope } from '../judge/authenticate.js';
import { type AttemptHistory, attemptHistories } from '../run/attempt-history.js';
import type { RunState } from '../run/run-state.js';

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

/** A ledger that runs from an opening to a closing. */
export interface ClosedLedger {
  readonly entries: readonly LedgerEntry[];
  readonly opening: Entry<'runOpened'> | Entry<'openingFailed'>;
  readonly closing: Entry<'runClosed'>;
  /** Every attempt in the order of their starts. */
  readonly attempts: readonly AttemptHistory[];
}

/** @throws PromptOsError LEDGER_BROKEN when the ledger does not run from an opening to a closing */
export const closedLedger = (entries: readonly LedgerEntry[]): ClosedLedger => ({
  entries,
  opening: openingOf(entries),
  closing: closingOf(entries),
  attempts: attemptHistories(entries),
});

/**
 * Whether a result of finalisation is the engine's: every client of Temporal can complete an activity. A run that was
 * not opened has pinned no keys to judge it by, and one whose policy takes unsigned records asks for none.
 * @param result of any shape: the server takes whatever it is sent
 */
export function isSealed({ plan, run, outcome }: Pick<RunState, 'plan' | 'run' | 'outcome'>, result: unknown): boolean {
  if (typeof result !== 'object' || result === null) return false;
  const { run_record_sha256, attestation } = result as Partial<Record<keyof FinaliseResult, unknown>>;
  if (typeof run_record_sha256 !== 'string' || !SHA256_PATTERN.test(run_record_sha256)) return false;
  if (plan === null || run === null || plan.attestations === 'optional') return true;
  const envelope = readEnvelope(attestation);
  if (envelope === null) return false;
  const opened = openEnvelope(envelope, plan.engine_keys ?? []);
  const expected = runRecordStatement(run_record_sha256, { runId: run.run_id, outcome: outcome ?? 'failed' });
  return opened.ok && sameJson(opened.payload, expected);
}
