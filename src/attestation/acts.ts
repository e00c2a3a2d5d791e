import type { GateOutcome } from '../contracts/activities.js';
import type { Cancellation, Decision, PersonEscalation, Resolution } from '../contracts/decisions.js';
import type { LedgerHead } from '../contracts/ledger.js';
import type { GateId, Verdict } from '../contracts/names.js';
import type { GovernedRunInput } from '../contracts/run-plan.js';
import { PREDICATES, type Statement, statement } from './statement.js';

/*
 * What people and role workers sign. Predicates are written in camelCase; what a statement is about is its subject, by
 * digest, and stands nowhere else.
 */

const camelCase = (fields: object): Record<string, unknown> =>
  Object.fromEntries(
    Object.entries(fields).map(([key, value]) => [
      key.replaceAll(/_([a-z0-9])/g, (_, letter: string) => letter.toUpperCase()),
      value,
    ]),
  );

/** `gate-decision/v0.1`, about the digest of the attempt's record. */
export function decisionStatement({ output_sha256, ...fields }: Decision): Statement {
  const subject = [{ name: `${fields.gate}.${fields.attempt}`, digest: { sha256: output_sha256 } }];
  return statement(PREDICATES.gateDecision, subject, camelCase(fields));
}

/** `escalation-resolution/v0.1`, about the digest of the report that is answered. */
export function resolutionStatement({
  report_sha256,
  ...fields
}: Resolution & { readonly report_sha256: string }): Statement {
  return statement(
    PREDICATES.escalationResolution,
    [{ name: fields.escalation_id, digest: { sha256: report_sha256 } }],
    camelCase(fields),
  );
}

/** `escalation/v0.1`, about the policy under which the run is stopped. */
export function escalationStatement(escalation: PersonEscalation, policySha256: string): Statement {
  return statement(
    PREDICATES.escalation,
    [{ name: 'policy', digest: { sha256: policySha256 } }],
    camelCase(escalation),
  );
}

/** `run-cancellation/v0.1`, about the policy that says who may cancel. */
export function cancellationStatement({ policy_sha256, ...fields }: Cancellation): Statement {
  const subject = [{ name: 'policy', digest: { sha256: policy_sha256 } }];
  return statement(PREDICATES.runCancellation, subject, camelCase(fields));
}

/** `run-request/v0.1`, about the digest of the request: everything that a run is bound to. */
export function runRequestStatement(run: GovernedRunInput, signedAt: string): Statement {
  return statement(PREDICATES.runRequest, [{ name: 'request', digest: { sha256: run.request_sha256 } }], {
    runId: run.run_id,
    developer: run.developer,
    targetRepo: run.target_repo,
    baseCommit: run.base_commit,
    gates: run.gates,
    policySha256: run.policy_sha256,
    packObjectSha256: run.pack_object_sha256,
    signedAt,
  });
}

/** What the principal of a gate says of an attempt; the record that the subject names has everything else by digest. */
export interface GateAttemptPredicate {
  readonly runId: string;
  readonly gate: GateId;
  readonly attempt: number;
  readonly principal: string;
  readonly verdict: Verdict;
  readonly policySha256: string;
  readonly promptSha256: string;
  /** Of the prompt that was answered last. */
  readonly renderedPromptSha256: string | null;
}

/** `gate-attempt/v0.1`, about the digest of the attempt's record. */
export const gateAttemptStatement = (outputSha256: string, predicate: GateAttemptPredicate): Statement =>
  statement(
    PREDICATES.gateAttempt,
    [{ name: `${predicate.gate}.${predicate.attempt}`, digest: { sha256: outputSha256 } }],
    predicate,
  );

/** What version 0.2 adds: everything that counts of a result is signed, and for exactly this step of this ledger. */
export interface GateResultPredicate extends Omit<GateAttemptPredicate, 'verdict'> {
  /** Of the canonical JSON of the feedback that the attempt was given. */
  readonly feedbackSha256: string;
  /** Of the canonical JSON of the list of the attempt's files: path, SHA-256, size and media type of each. */
  readonly artifactsSha256: string;
  /** The hash of the ledger's entry that started the attempt: a result of another past does not fit. */
  readonly nonce: string;
  /** The ledger's head that the worker verified before it began. */
  readonly ledger: LedgerHead;
}

/** `gate-attempt/v0.2`, about the digest of the attempt's record. */
export const gateResultStatement = (
  { output_sha256, escalation, ...counted }: GateOutcome,
  predicate: GateResultPredicate,
): Statement =>
  statement(
    PREDICATES.gateAttemptV2,
    [{ name: `${predicate.gate}.${predicate.attempt}`, digest: { sha256: output_sha256 } }],
    { ...predicate, ...camelCase(counted), escalation: escalation === null ? null : camelCase(escalation) },
  );
