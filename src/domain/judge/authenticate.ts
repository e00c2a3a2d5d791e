import { PromptOsError } from '../../contracts/errors.js';
import { isRecord, own } from '../../contracts/json.js';
import type { Envelope, PinnedKey, PolicyKey } from '../../contracts/keys.js';
import type { Policy } from '../../contracts/policy/policy.js';
import { oncePerObject } from '../../contracts/remember.js';
import type { RunPlan } from '../../contracts/run/run-plan.js';
import { envelopeSha256, openEnvelope, statementOf } from '../attest/envelope.js';
import { readPublicKeyLine } from '../attest/public-keys.js';
import { PREDICATES, readStatement } from '../attest/statement.js';
import { type MessageClaims, type Refusal, refuse } from '../run/refusals.js';
import { fitsMessage } from './read-message.js';

/** A message whose signature was checked, or one that has none. */
export interface Authenticated {
  /** The message in the form that readers know. */
  readonly content: unknown;
  readonly envelope: Envelope | null;
  /** The principal whose key signed; null for a message without a signature. */
  readonly signer: string | null;
}

/** What a judge must know of a message beside its content. */
export interface Signed extends Omit<Authenticated, 'content'> {
  /** When it is judged: workflow time. */
  readonly at: string;
}

/** Whether a message claims to be signed: it has the one field that envelopes have and messages do not. */
const isEnvelope = (content: unknown): content is Record<string, unknown> =>
  isRecord(content) && Object.hasOwn(content, 'payloadType');

/** Whether a key counts at an instant: the ledger's, so that a replay and a verifier judge alike. */
export function isValidAt({ valid_from, valid_until, revoked_at }: PinnedKey, at: string): boolean {
  const now = Date.parse(at);
  const before = (limit: string | null) => limit === null || now < Date.parse(limit);
  return (valid_from === null || now >= Date.parse(valid_from)) && before(valid_until) && before(revoked_at);
}

/** The holder of a key among a run's principals. */
export function findKey(
  keys: RunPlan['keys'],
  keyid: string,
): { readonly principal: string; readonly key: PinnedKey } | null {
  for (const [principal, held] of Object.entries(keys)) {
    const key = held.find((candidate) => candidate.keyid === keyid);
    if (key !== undefined) return { principal, key };
  }
  return null;
}

/**
 * Opens a signed message: whose key signed it decides who acts, never what the message says. A message without a
 * signature goes on as it is; whether it may count is judged with its actor.
 */
export function authenticate(
  plan: RunPlan,
  content: unknown,
  predicateType: string,
  at: string,
): Authenticated | Refusal {
  if (!isEnvelope(content)) return { content, envelope: null, signer: null };
  if (!fitsMessage(content)) return refuse('TOO_LARGE');
  const envelope = readEnvelope(content);
  if (envelope === null) return refuse('MALFORMED', 'expected a DSSE envelope with one signature');
  const opened = openEnvelope(envelope, Object.values(plan.keys).flat());
  if (!opened.ok) {
    if (opened.problem === 'malformed') return refuse('MALFORMED', opened.detail);
    return refuse(opened.problem === 'unknown_key' ? 'KEY_UNKNOWN' : 'SIGNATURE_INVALID', opened.detail);
  }
  const held = findKey(plan.keys, opened.keyid);
  if (held === null) return refuse('KEY_UNKNOWN', opened.keyid);
  if (!isValidAt(held.key, at)) {
    return { ...refuse('KEY_NOT_VALID', `${opened.keyid} of ${held.principal}`), envelope };
  }
  const statement = readStatement(opened.payload, predicateType);
  const [subject, ...more] = statement?.subject ?? [];
  if (statement === null || subject === undefined || more.length > 0) {
    return refuse('MALFORMED', `expected an in-toto statement ${predicateType} with one subject`);
  }
  if (!Object.keys(statement.predicate).every((key) => /^[a-z][A-Za-z0-9]*$/.test(key))) {
    return refuse('MALFORMED', 'expected the fields of the predicate in camelCase');
  }
  const field = SUBJECT_FIELD[predicateType];
  const subjectField = field === undefined ? {} : { [field]: subject.digest.sha256 };
  return { content: { ...snakeCase(statement.predicate), ...subjectField }, envelope, signer: held.principal };
}

/** The field of a message that its statement's subject represents. */
const SUBJECT_FIELD: Readonly<Record<string, string>> = {
  [PREDICATES.gateDecision]: 'output_sha256',
  [PREDICATES.escalationResolution]: 'report_sha256',
  [PREDICATES.runCancellation]: 'policy_sha256',
};

/** The shape of an envelope with one signature, read by hand, or null; nothing is verified. */
export function readEnvelope(content: unknown): Envelope | null {
  if (!isRecord(content)) return null;
  const { payloadType, payload, signatures } = content;
  if (typeof payloadType !== 'string' || typeof payload !== 'string' || !Array.isArray(signatures)) return null;
  if (Object.keys(content).length !== 3 || signatures.length !== 1) return null;
  const [signature] = signatures as unknown[];
  if (!isRecord(signature) || typeof signature.keyid !== 'string' || typeof signature.sig !== 'string') return null;
  if (Object.keys(signature).length !== 2) return null;
  return { payloadType, payload, signatures: [{ keyid: signature.keyid, sig: signature.sig }] };
}

/** in-toto predicates are written in camelCase, our messages in snake_case. */
const snakeCase = (predicate: Record<string, unknown>): Record<string, unknown> =>
  Object.fromEntries(
    Object.entries(predicate).map(([key, value]) => [
      key.replaceAll(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`),
      value,
    ]),
  );

/** A policy's key as a run pins it. @throws PromptOsError POLICY_INVALID */
export const pinKey = oncePerObject(({ public: line, valid_from, valid_until, revoked_at }: PolicyKey): PinnedKey => {
  const key = readPublicKeyLine(line);
  if (key === null) {
    throw new PromptOsError('POLICY_INVALID', `The policy's key "${line.slice(0, 40)}…" is no Ed25519 public key.`);
  }
  return {
    ...key,
    valid_from: valid_from ?? null,
    valid_until: valid_until ?? null,
    revoked_at: revoked_at ?? null,
  };
});

/** The keys of every principal of a policy that has some. @throws PromptOsError POLICY_INVALID */
export const pinKeys = ({ principals }: Policy): Record<string, PinnedKey[]> =>
  Object.fromEntries(
    Object.entries(principals).flatMap(([name, { keys }]) => (keys.length === 0 ? [] : [[name, keys.map(pinKey)]])),
  );

/** The fields of a message as it came. */
export const bareClaims = (content: unknown): MessageClaims => ({
  claimed_actor: textAt(content, 'actor'),
  decision_id: textAt(content, 'decision_id'),
  envelope_sha256: null,
});

/** As `bareClaims`; of a signed message, what its payload says. */
export function claimsOf(content: unknown): MessageClaims {
  const envelope = fitsMessage(content) ? readEnvelope(content) : null;
  if (envelope === null) return bareClaims(content);
  const predicate = member(statementOf(envelope), 'predicate');
  return {
    claimed_actor: textAt(predicate, 'actor'),
    decision_id: textAt(predicate, 'decisionId'),
    envelope_sha256: envelopeSha256(envelope),
  };
}

const member = (content: unknown, key: string): unknown => (isRecord(content) ? own(content, key) : undefined);

/** Cut to a readable length. */
function textAt(content: unknown, key: string): string | null {
  const value = member(content, key);
  return typeof value === 'string' ? value.slice(0, 128).toWellFormed() : null;
}
