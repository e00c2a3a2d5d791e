import type { Decision, PersonEscalation, Resolution } from '../contracts/decisions.js';
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
