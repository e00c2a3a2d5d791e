import { isRecord, wellFormed } from '../../contracts/json.js';
import {
  FINGERPRINT_PATTERN,
  GATE_IDS,
  KEY_PROTECTIONS,
  RESOLUTION_CHOICES,
  RUN_ID_PATTERN,
  SHA256_PATTERN,
} from '../../contracts/names.js';
import type { Cancellation, Decision, PersonEscalation, Resolution } from '../../contracts/run/decisions.js';
import { type Refusal, refuse } from '../run/refusals.js';

/*
 * Hand-written readers of what arrives by signal and update. They accept what the schemas in contracts/run/decisions.ts
 * accept (a property test holds them together); the schemas themselves stay out of the workflow bundle.
 */

/** A message's size at the most, as JSON text. */
export const MAX_MESSAGE_CHARACTERS = 65_536;
/** The key of the value that the payload converter gives in place of what it could not decode. */
export const UNDECODABLE_KEY = 'promptos:undecodable';

type Reader = (value: unknown) => string | null;

const text =
  (limit: number, least = 0): Reader =>
  (value) =>
    typeof value !== 'string'
      ? 'expected text'
      : value.length < least || value.length > limit
        ? `expected ${least} to ${limit} characters`
        : null;
const pattern =
  (expression: RegExp, expected: string): Reader =>
  (value) =>
    typeof value === 'string' && expression.test(value) ? null : `expected ${expected}`;
const oneOf =
  (values: readonly string[]): Reader =>
  (value) =>
    values.includes(value as string) ? null : `expected one of ${values.join(', ')}`;
const flag: Reader = (value) => (typeof value === 'boolean' ? null : 'expected true or false');
const positive: Reader = (value) =>
  Number.isSafeInteger(value) && (value as number) > 0 ? null : 'expected a positive whole number';
const listOf =
  (reader: Reader, limit: number, least = 0): Reader =>
  (value) => {
    if (!Array.isArray(value)) return 'expected a list';
    if (value.length < least) return `expected ${least} items at least`;
    if (value.length > limit) return `expected ${limit} items at most`;
    for (const item of value) {
      const problem = reader(item);
      if (problem !== null) return problem;
    }
    return null;
  };

const name = pattern(/^[A-Za-z0-9][A-Za-z0-9._@+-]{0,63}$/, 'a name');
const decisionId = pattern(/^[A-Za-z0-9][A-Za-z0-9._:@-]{0,127}$/, 'a decision id');
const runId = pattern(RUN_ID_PATTERN, 'a run id');
const sha256 = pattern(SHA256_PATTERN, 'a SHA-256 in hexadecimal');
const fingerprint = pattern(FINGERPRINT_PATTERN, 'a fingerprint of 16 hexadecimal digits');
const instant = pattern(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/, 'an ISO 8601 instant in UTC');

type Shape = Readonly<Record<string, { readonly read: Reader; readonly required: boolean }>>;
const required = (read: Reader) => ({ read, required: true });
const optional = (read: Reader) => ({ read, required: false });

const SIGNED_TIMES: Shape = {
  decided_at: optional(instant),
  expires_at: optional(instant),
  key_protection: optional(oneOf(KEY_PROTECTIONS)),
};

const DECISION: Shape = {
  decision_id: required(decisionId),
  run_id: required(runId),
  gate: required(oneOf(GATE_IDS)),
  attempt: required(positive),
  request_id: required(text(40, 1)),
  output_sha256: required(sha256),
  policy_sha256: required(sha256),
  actor: required(name),
  choice: required(oneOf(['approve', 'reject'])),
  comment: optional(text(4_000)),
  reason: optional(text(4_000, 1)),
  to_gate: optional(oneOf(GATE_IDS)),
  final: optional(flag),
  acknowledged: optional(listOf(text(80, 1), 200)),
  ...SIGNED_TIMES,
};

const RESOLUTION: Shape = {
  decision_id: required(decisionId),
  run_id: required(runId),
  escalation_id: required(text(20, 1)),
  request_id: required(text(40, 1)),
  policy_sha256: required(sha256),
  actor: required(name),
  choice: required(oneOf(RESOLUTION_CHOICES)),
  to_gate: optional(oneOf(GATE_IDS)),
  guidance: optional(text(4_000)),
  waive: optional(listOf(fingerprint, 200, 1)),
  waiver_expires_at: optional(instant),
  report_sha256: optional(sha256),
  ...SIGNED_TIMES,
};

const ESCALATION: Shape = {
  decision_id: optional(decisionId),
  actor: optional(name),
  run_id: optional(runId),
  issue: optional(text(4_000)),
  impact: optional(text(4_000)),
  context: optional(text(4_000)),
  options: optional(listOf(text(500, 1), 8)),
  recommendation: optional(text(4_000)),
  security_sensitive: optional(flag),
  ...SIGNED_TIMES,
};

const CANCELLATION: Shape = {
  decision_id: required(decisionId),
  run_id: required(runId),
  policy_sha256: required(sha256),
  actor: required(text(200, 1)),
  reason: required(text(4_000, 1)),
  ...SIGNED_TIMES,
};

/** Reads a decision. `choice` is what the signal's name says, where a signal brought it. */
export function readDecision(content: unknown, choice?: Decision['choice']): Decision | Refusal {
  const given = choice === undefined || !isRecord(content) ? content : { choice, ...content };
  const read = readShape<Decision>(DECISION, given, true);
  if ('refused' in read) return read;
  if (choice !== undefined && read.choice !== choice) {
    return refuse('MALFORMED', `choice: the signal says ${choice}, its content ${read.choice}`);
  }
  return read;
}

export const readResolution = (content: unknown): Resolution | Refusal =>
  readShape<Resolution>(RESOLUTION, content, true);

export const readCancellation = (content: unknown): Cancellation | Refusal =>
  readShape<Cancellation>(CANCELLATION, content, true);

/** Reads a person's escalation; nothing at all is an escalation too. */
export const readEscalation = (content: unknown): PersonEscalation | Refusal =>
  readShape<PersonEscalation>(ESCALATION, content ?? {}, false);

/** Why something that is no message of ours at all does not count. */
export const rejectUnknownMessage = (content: unknown): Refusal => {
  const read = readShape<never>({}, content ?? {}, false);
  return 'refused' in read
    ? read
    : refuse('MALFORMED', 'expected a decision, a resolution, an escalation or a cancellation');
};

function readShape<T>(shape: Shape, content: unknown, needsActor: boolean): T | Refusal {
  if (content === undefined || content === null) return refuse('ACTOR_MISSING');
  if (!fitsMessage(content)) return refuse('TOO_LARGE');
  if (!isRecord(content)) return refuse('MALFORMED', 'expected a JSON object');
  if (Object.hasOwn(content, UNDECODABLE_KEY)) return refuse('UNDECODABLE', String(content[UNDECODABLE_KEY]));
  if (needsActor && !Object.hasOwn(content, 'actor')) return refuse('ACTOR_MISSING');
  for (const key of Object.keys(content)) {
    if (!Object.hasOwn(shape, key)) return refuse('MALFORMED', `${key.slice(0, 60)}: unknown field`);
  }
  const read: Record<string, unknown> = {};
  for (const [key, field] of Object.entries(shape)) {
    const value = Object.hasOwn(content, key) ? content[key] : undefined;
    if (value === undefined) {
      if (field.required) return refuse('MALFORMED', `${key}: missing`);
      continue;
    }
    const problem = field.read(value);
    if (problem !== null) return refuse('MALFORMED', `${key}: ${problem}`);
    read[key] = wellFormed(value);
  }
  return read as T;
}

/** Whether a message is of a size that a person could have sent. */
export function fitsMessage(content: unknown): boolean {
  try {
    return JSON.stringify(content).length <= MAX_MESSAGE_CHARACTERS;
  } catch {
    return false; // nested deeper than the engine's stack: nothing that a person sent
  }
}
