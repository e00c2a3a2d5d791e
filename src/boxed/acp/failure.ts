import type { StopReason } from '@agentclientprotocol/sdk';
import type { RECOGNISED_CLASSES } from '../../contracts/config/executor-output.js';
import { isRecord } from '../../contracts/json.js';

export type FailureClass = (typeof RECOGNISED_CLASSES)[number];

/** Why a session gave no answer, as the result line has it. */
export interface SessionFailure {
  readonly class: FailureClass;
  readonly message: string;
  /** The code of JSON-RPC; null for a failure that is no answer of the agent. */
  readonly code: number | null;
  /** What the agent sent along. */
  readonly data: unknown;
  /** As the provider says it: seconds, a duration or a date. */
  readonly retry_after: string | number | null;
}

/** Ends a session. */
export class SessionFailed extends Error {
  readonly failure: SessionFailure;
  constructor(failure: Pick<SessionFailure, 'class' | 'message'> & Partial<SessionFailure>) {
    super(failure.message);
    this.failure = { code: null, data: null, retry_after: null, ...failure };
  }
}

/** Codes of JSON-RPC and of the protocol that say by themselves what is wrong. */
const BY_CODE: Readonly<Record<number, FailureClass>> = {
  [-32_000]: 'authentication',
  [-32_601]: 'configuration',
  [-32_022]: 'configuration',
};

/** Names of `data.errorKind`, which adapters of agents send along. */
const BY_KIND: Readonly<Record<string, FailureClass>> = {
  rate_limit: 'transient',
  overloaded: 'transient',
  server_error: 'transient',
  timeout: 'transient',
  connection_error: 'transient',
  authentication_failed: 'authentication',
  oauth_org_not_allowed: 'authentication',
  auth_required: 'authentication',
  billing_error: 'budget',
  usage_limit: 'budget',
  invalid_request: 'configuration',
  model_not_found: 'configuration',
  max_output_tokens: 'bad_answer',
};

/** The provider's words, the more particular ones first: an empty account comes with the status of a limit of rate. */
const BY_WORDS: readonly (readonly [FailureClass, RegExp])[] = [
  ['budget', /insufficient_quota|exceeded your current quota|credit balance is too low|usage.?limit|payment required/i],
  [
    'authentication',
    /\b(?:401|403)\b|unauthori[sz]ed|authentication|(?:invalid|incorrect) api key|api key not valid|not logged in|\/login/i,
  ],
  [
    'transient',
    /\b(?:408|429|50[0234]|529)\b|rate.?limit|too many requests|overloaded|high demand|resource.?exhausted/i,
  ],
  [
    'transient',
    /stream (?:disconnected|closed|error)|socket hang up|fetch failed|[Cc]annot connect to|ECONN(?:RESET|REFUSED)|ETIMEDOUT|EAI_AGAIN/,
  ],
  ['configuration', /\b404\b|model.{0,40}(?:not found|does not exist|is not supported)|unknown model/i],
];

const STATUS_NAMES = ['status', 'statusCode', 'status_code', 'httpStatus', 'http_status', 'httpStatusCode'];
const RETRY_NAMES = ['retry-after', 'retryAfter', 'retry_after', 'retryDelay', 'retry_delay'];
const MAX_DEPTH = 6;
/** Characters in which known words are looked for. */
const MAX_WORDS = 16_384;

/** The first value that one of the names has, at any depth. */
function findMember(value: unknown, names: readonly string[], depth = 0): string | number | null {
  if (typeof value !== 'object' || value === null || depth > MAX_DEPTH) return null;
  for (const [name, part] of Object.entries(value)) {
    if (names.includes(name) && (typeof part === 'string' || typeof part === 'number')) return part;
  }
  for (const part of Object.values(value)) {
    const found = findMember(part, names, depth + 1);
    if (found !== null) return found;
  }
  return null;
}

/** Every text in a value. */
function stringsOf(value: unknown, depth = 0): readonly string[] {
  if (typeof value === 'string') return [value];
  if (typeof value !== 'object' || value === null || depth > MAX_DEPTH) return [];
  return Object.values(value).flatMap((part) => stringsOf(part, depth + 1));
}

function byStatus(status: number): FailureClass | null {
  if (status === 401 || status === 403) return 'authentication';
  if (status === 402) return 'budget';
  if (status === 408 || status === 429 || (status >= 500 && status < 600)) return 'transient';
  return status >= 400 && status < 500 ? 'configuration' : null;
}

/** What the provider's own words are; null when they say nothing that is known. */
export const classOfWords = (text: string): FailureClass | null =>
  BY_WORDS.find(([, words]) => words.test(text))?.[0] ?? null;

/** What an error that the agent answered with is. An error that says nothing known is a bad answer: it is asked again. */
export function failureOfError({
  code,
  message,
  data,
}: {
  code: number;
  message: string;
  data?: unknown;
}): SessionFailure {
  const kind = isRecord(data) && typeof data.errorKind === 'string' ? (BY_KIND[data.errorKind] ?? null) : null;
  // Some agents have the status of HTTP for a code of JSON-RPC.
  const status = byStatus(code) ?? byStatus(Number(findMember(data, STATUS_NAMES)));
  const words = wordsOf(message, data);
  const all = [message, ...stringsOf(data)].join('\n').slice(0, MAX_WORDS);
  return {
    class: BY_CODE[code] ?? kind ?? budgetOf(all) ?? status ?? classOfWords(all) ?? 'bad_answer',
    message: words,
    code,
    data: data ?? null,
    retry_after:
      findMember(data, RETRY_NAMES) ??
      /(?:retry|try again) (?:in|after) (\d+(?:\.\d+)? ?[a-z]{0,3})\b/i.exec(words)?.[1] ??
      null,
  };
}

/** A status of HTTP as agents name it in a message of their own. */
const STATUS_IN_WORDS = /\b(?:status|error|http)\b[:\s(]{0,4}(\d{3})\b/i;
const MAX_COMPLAINT = 500;

/**
 * What a last message is that has trouble of the provider in the place of an answer: some agents end their turn well with it.
 * Null for any other text. Such a complaint comes alone, on one line or headed as an error; the words of a model may name a
 * status among others.
 */
export function failureOfWords(message: string): SessionFailure | null {
  const text = message.trim();
  if (text.length > MAX_COMPLAINT || text.includes('{')) return null;
  if (text.includes('\n') && !/^\[?(?:API )?Error\b/.test(text)) return null;
  const status = STATUS_IN_WORDS.exec(text)?.[1];
  const found = status === undefined ? null : (budgetOf(text) ?? byStatus(Number(status)));
  return found === null ? null : new SessionFailed({ class: found, message: text }).failure;
}

const budgetOf = (words: string): FailureClass | null => (classOfWords(words) === 'budget' ? 'budget' : null);

/** `Internal error` is the protocol's own word; what happened is in the data then. */
function wordsOf(message: string, data: unknown): string {
  const details = typeof data === 'string' ? data : findMember(data, ['message', 'details', 'detail', 'error']);
  return details === null || message.includes(String(details)) ? message : `${message}: ${details}`;
}

const OF_STOP: Readonly<Record<Exclude<StopReason, 'end_turn'>, string>> = {
  refusal: 'The agent refused to go on.',
  max_tokens: 'The model reached its limit of tokens before the agent had ended.',
  max_turn_requests: 'The agent reached its limit of requests to the model before it had ended.',
  cancelled: 'The agent cancelled the turn.',
};

/** Why a turn that stopped for a reason gives no answer; null when it ended by itself. */
export function failureOfStop(reason: unknown): string | null {
  if (reason === 'end_turn') return null;
  if (typeof reason === 'string' && Object.hasOwn(OF_STOP, reason)) return OF_STOP[reason as keyof typeof OF_STOP];
  return `The agent stopped for a reason that is not known: ${JSON.stringify(reason)}.`;
}
