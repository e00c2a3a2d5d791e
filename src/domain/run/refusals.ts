import { canonicalSha256 } from '../../contracts/json.js';
import type { Envelope } from '../../contracts/keys.js';
import type { RefusalReason } from '../../contracts/run/decisions.js';
import type { LedgerEventOf } from '../../contracts/run/ledger.js';

/** Refusals that the ledger has in full; later ones are counted by reason. */
export const MAX_REFUSALS_IN_FULL = 100;
/** Refusals in full when the message is signed by a key of the policy: by its digest the journal's entry is accounted for. */
export const MAX_SIGNED_REFUSALS_IN_FULL = 500;

/** What a refusal says to a person. `detail` is added in brackets. */
const SENTENCES: Readonly<Record<RefusalReason, string>> = {
  TOO_LARGE: 'The message is larger than 64 KiB.',
  UNDECODABLE: 'The payload could not be decoded: send one JSON value, encoded as json/plain.',
  MALFORMED: 'The message does not have the expected form.',
  ACTOR_MISSING: 'The message does not say who decides: paste the JSON that the run shows under its current details.',
  ACTOR_UNKNOWN: 'The policy knows nobody of this name.',
  NOT_AN_INTEGRATOR: 'This principal is not an integrator of the policy.',
  MAY_NOT_CANCEL: 'The policy does not let this principal cancel this run.',
  SELF_APPROVAL: 'The developer who started the run does not decide on it, unless the policy allows self-approval.',
  SIGNATURE_MISSING:
    'The policy asks for signed decisions, and this one is not signed: send it with `promptos`, or --print it.',
  SIGNATURE_INVALID: 'The signature does not fit the message and the key.',
  KEY_UNKNOWN: 'The policy knows no such key.',
  KEY_NOT_VALID: 'The key does not count at this time: it is not valid yet, expired or revoked.',
  SIGNER_MISMATCH: 'The message was signed by somebody else than it says.',
  RUN_MISMATCH: 'The message was made for another run.',
  POLICY_MISMATCH: 'The message was made under another policy.',
  REQUEST_NOT_STANDING: 'The request that the message answers is not standing now.',
  OUTPUT_MISMATCH: 'The message is about other bytes than those that were put up.',
  DECISION_TIME_INVALID: 'The message was not made in the time of its request.',
  DECISION_EXPIRED: 'The message has expired.',
  DECISION_ALREADY_COUNTED: 'A decision with this id has counted already.',
  ACTOR_ALREADY_DECIDED: 'This integrator has approved this request already.',
  GATE_FAILED: 'The gate did not pass, so it cannot be approved: reject it, or have its findings waived.',
  FINDINGS_NOT_ACKNOWLEDGED: 'Critical and high findings must be acknowledged one by one.',
  REASON_MISSING: 'A reason is missing: a rejection needs one for the next attempt, a waiver by name for the record.',
  TARGET_INVALID: 'The run cannot go back to that gate.',
  NOTHING_TO_CONTINUE: 'The attempt gave nothing to go on with: choose retry, rework or abort.',
  WAIVER_INVALID: 'The waiver names a finding that is not open here, or that the policy does not call waivable.',
  WAIVER_EXPIRY_INVALID: 'The waiver does not have an expiry that may count.',
  WAIVER_EXPIRED: 'What was waived for this gate no longer counts: reject it, or escalate and have it waived anew.',
  TOO_MANY_ESCALATIONS: 'The run has too many escalations already.',
  RUN_CLOSED: 'The run has ended.',
};

/** A judgement that a message does not count. */
export interface Refusal {
  readonly refused: true;
  readonly reason: RefusalReason;
  readonly message: string;
  /** The message, where a key of the policy signed it. */
  readonly envelope?: Envelope | undefined;
}

export const refuse = (reason: RefusalReason, detail?: string): Refusal => ({
  refused: true,
  reason,
  message: detail === undefined ? SENTENCES[reason] : `${SENTENCES[reason]} (${detail.slice(0, 300)})`,
});

export const isRefusal = (value: object): value is Refusal => 'refused' in value;

/** As the state names a signed message that was refused. */
export const refusedMessage = (kind: LedgerEventOf<'refused'>['kind'], sha256: string): string => `${kind} ${sha256}`;

/** What a message that was refused says of itself. Nothing of it is verified. */
export interface MessageClaims {
  readonly claimed_actor: string | null;
  readonly decision_id: string | null;
  /** Of the canonical JSON of the envelope, where the message is one. */
  readonly envelope_sha256: string | null;
}

/** The ledger's entry about a refusal. What the message says of itself is recorded as a claim. */
export function refusedEvent(
  kind: LedgerEventOf<'refused'>['kind'],
  { reason, message, envelope }: Refusal,
  { claimed_actor, decision_id, envelope_sha256 }: MessageClaims,
): LedgerEventOf<'refused'> {
  const signed = envelope === undefined ? {} : { message_sha256: canonicalSha256(envelope) };
  const unverified = envelope !== undefined || envelope_sha256 === null ? {} : { envelope_sha256 };
  const claims = { claimed_actor, decision_id };
  return { type: 'refused', kind, reason, message: message.toWellFormed(), ...claims, ...signed, ...unverified };
}
