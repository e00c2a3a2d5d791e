import type { RunOpening, VerifiedHead } from '../contracts/journal.js';
import { PREDICATES, type Statement, statement } from './statement.js';

/** `ledger-head/v0.1`, about the hash of a ledger's last entry: whoever signs verified every entry up to it. */
export const ledgerHeadStatement = ({ run_id, by, purpose, gate, attempt, entries, hash }: VerifiedHead): Statement =>
  statement(PREDICATES.ledgerHead, [{ name: 'ledger', digest: { sha256: hash } }], {
    runId: run_id,
    by,
    purpose,
    gate,
    attempt,
    entries,
  });

/**
 * `run-opening/v0.1`, about the digest of the request: the engine gives the run id to one chain of executions, and says
 * whether the run opened.
 */
export const runOpeningStatement = (opening: RunOpening): Statement =>
  statement(PREDICATES.runOpening, [{ name: 'request', digest: { sha256: opening.request_sha256 } }], {
    runId: opening.run_id,
    firstExecutionRunId: opening.first_execution_run_id,
    policySha256: opening.policy_sha256,
    requestAttestationSha256: opening.request_attestation_sha256,
    failed: opening.failed,
  });
