import type { LedgerHead } from '../contracts/ledger.js';
import type { Outcome } from '../contracts/names.js';
import { PREDICATES, type Statement, statement } from './statement.js';

/*
 * What the engine signs when a run has ended, with a key that is nobody's with a duty.
 */

/** `run-record/v0.1`, about the bytes of `run_record.json`. */
export const runRecordStatement = (
  recordSha256: string,
  { runId, outcome }: { readonly runId: string; readonly outcome: Outcome },
): Statement<{ readonly runId: string; readonly outcome: Outcome }> =>
  statement(PREDICATES.runRecord, [{ name: 'run_record.json', digest: { sha256: recordSha256 } }], { runId, outcome });

/** `ledger-seal/v0.1`, about the bytes of `evidence/ledger.jsonl`: with the count and the head a dropped tail shows. */
export const ledgerSealStatement = (
  ledgerSha256: string,
  runId: string,
  { entries, hash }: LedgerHead,
): Statement<{ readonly runId: string; readonly entries: number; readonly head: string }> =>
  statement(PREDICATES.ledgerSeal, [{ name: 'evidence/ledger.jsonl', digest: { sha256: ledgerSha256 } }], {
    runId,
    entries,
    head: hash,
  });
