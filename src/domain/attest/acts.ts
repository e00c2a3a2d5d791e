import { RUN_ARTIFACTS } from '../../contracts/artifacts.js';
import type { Envelope } from '../../contracts/keys.js';
import type { GateId, KeyProtection, Outcome, Verdict } from '../../contracts/names.js';
import type { GateOutcome } from '../../contracts/run/activities.js';
import type { Cancellation, Decision, PersonEscalation, Resolution } from '../../contracts/run/decisions.js';
import type { GateClaim } from '../../contracts/run/gate-claim.js';
import type { RunOpening, VerifiedHead } from '../../contracts/run/journal.js';
import type { LedgerHead } from '../../contracts/run/ledger.js';
import type { GovernedRunInput } from '../../contracts/run/run-plan.js';
import { sealStatement } from './envelope.js';
import { PREDICATES, type Statement, statement } from './statement.js';

/*
 * What people and role workers sign. Predicates are written in camelCase; what a statement is about is its subject, by
 * digest, and is nowhere else.
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
    ...(run.base_branch === undefined ? {} : { baseBranch: run.base_branch }),
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
  { output_sha256, escalation, spent, ...counted }: GateOutcome,
  predicate: GateResultPredicate,
): Statement =>
  statement(
    PREDICATES.gateAttemptV2,
    [{ name: `${predicate.gate}.${predicate.attempt}`, digest: { sha256: output_sha256 } }],
    {
      ...{ ...predicate, ...camelCase(counted), escalation: escalation === null ? null : camelCase(escalation) },
      ...(spent === undefined ? {} : { spent: camelCase(spent) }),
    },
  );

/*
 * What the engine signs when a run has ended, with a key that no principal with a duty has.
 */

/** `run-record/v0.1`, about the bytes of `run_record.json`. */
export const runRecordStatement = (
  recordSha256: string,
  { runId, outcome }: { readonly runId: string; readonly outcome: Outcome },
): Statement<{ readonly runId: string; readonly outcome: Outcome }> =>
  statement(PREDICATES.runRecord, [{ name: RUN_ARTIFACTS.record.path, digest: { sha256: recordSha256 } }], {
    runId,
    outcome,
  });

/** `ledger-seal/v0.1`, about the bytes of `evidence/ledger.jsonl`: with the count and the head a dropped tail shows. */
export const ledgerSealStatement = (
  ledgerSha256: string,
  runId: string,
  { entries, hash }: LedgerHead,
): Statement<{ readonly runId: string; readonly entries: number; readonly head: string }> =>
  statement(PREDICATES.ledgerSeal, [{ name: RUN_ARTIFACTS.ledger.path, digest: { sha256: ledgerSha256 } }], {
    runId,
    entries,
    head: hash,
  });

/** `ledger-head/v0.1`, about the hash of a ledger's last entry: the signer verified every entry up to it. */
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

/** `gate-claim/v0.1`, about the ledger's entry that started the attempt: who works on a gate that is done elsewhere. */
export const gateClaimStatement = ({ nonce, ...fields }: GateClaim): Statement =>
  statement(PREDICATES.gateClaim, [{ name: `${fields.gate}.${fields.attempt}`, digest: { sha256: nonce } }], {
    ...camelCase(fields),
  });

/** What signs: fits the port `Signer`. */
export interface MessageSigner {
  readonly keyid: string;
  /** The 32 bytes, as base64. */
  readonly publicKey: string;
  /** How the private key is kept, where the signer knows. */
  readonly protection?: KeyProtection;
  sign(message: Uint8Array): Promise<Uint8Array>;
}

/** How long a signed message may wait for a worker: as long as the default policy lets a request be pending. */
const LIFETIME_MS = 14 * 24 * 3_600_000;

const seal = (statement: Statement, signer: MessageSigner): Promise<Envelope> =>
  sealStatement(statement, { keyid: signer.keyid, raw: signer.publicKey }, (message) => signer.sign(message));

/** As `Date.prototype.toISOString` writes it; the caller brings the clock. */
const instant = (milliseconds: number): string => new Date(milliseconds).toISOString();

/** When a message is made, until when it counts, and how its key is kept. @param now milliseconds since the epoch */
const timed = <M extends object>(message: M, now: number, { protection }: Pick<MessageSigner, 'protection'> = {}) => ({
  decided_at: instant(now),
  expires_at: instant(now + LIFETIME_MS),
  ...(protection === undefined ? {} : { key_protection: protection }),
  ...message,
});

export const sealDecision = (decision: Decision, signer: MessageSigner, now: number): Promise<Envelope> =>
  seal(decisionStatement(timed(decision, now, signer)), signer);

export const sealResolution = (
  resolution: Resolution & { readonly report_sha256: string },
  signer: MessageSigner,
  now: number,
): Promise<Envelope> => seal(resolutionStatement(timed(resolution, now, signer)), signer);

export const sealEscalation = (
  escalation: PersonEscalation,
  policySha256: string,
  signer: MessageSigner,
  now: number,
): Promise<Envelope> => seal(escalationStatement(timed(escalation, now, signer), policySha256), signer);

export const sealCancellation = (cancellation: Cancellation, signer: MessageSigner, now: number): Promise<Envelope> =>
  seal(cancellationStatement(timed(cancellation, now, signer)), signer);

export const sealRunRequest = (run: GovernedRunInput, signer: MessageSigner, now: number): Promise<Envelope> =>
  seal(runRequestStatement(run, instant(now)), signer);
