import { APICallError, JSONParseError, LoadAPIKeyError, UnsupportedFunctionalityError } from 'ai';
import { isRecord, readJson } from '../../contracts/json.js';

/** Why the model gave no answer, as the worker's rules for this executor read it from the last line. */
export class ModelFailure extends Error {
  constructor(
    readonly failureClass: 'transient' | 'authentication' | 'configuration' | 'budget' | 'bad_answer',
    message: string,
    /** How long the service says to wait, as it says it: seconds, a duration such as `1500ms`, or a date. */
    readonly retryAfter: string | null = null,
  ) {
    super(message);
  }
}

/** What services say of an account that has no money or quota left; some have the status of a limit of rate for it. */
const NO_MONEY =
  /insufficient_quota|billing_hard_limit|exceeded your current quota|credit balance is too low|insufficient (?:balance|credits|funds)/i;
/** Time-outs and limits of rate; every status from 500 on is transient too. */
const TRANSIENT = [408, 409, 425, 429];

/** What an error of a call means for the try. */
export function classifyError(error: unknown): ModelFailure {
  if (error instanceof ModelFailure) return error;
  if (APICallError.isInstance(error)) return ofCall(error);
  if (LoadAPIKeyError.isInstance(error)) return new ModelFailure('authentication', error.message);
  if (UnsupportedFunctionalityError.isInstance(error)) return new ModelFailure('configuration', error.message);
  if (JSONParseError.isInstance(error)) {
    return new ModelFailure('transient', `The model service sent a stream that cannot be read: ${error.message}`);
  }
  // A service that fails within a stream sends the error as an event.
  const said = wordsIn(error);
  if (said !== null) return NO_MONEY.test(said) ? new ModelFailure('budget', said) : ofStreamError(error, said);
  return new ModelFailure('transient', `The answer of the model service was cut: ${chainOf(error)}`);
}

function ofCall(error: APICallError): ModelFailure {
  const { statusCode, responseBody = '', responseHeaders = {} } = error;
  if (statusCode === undefined) return ofNetwork(error);
  const message = `${statusCode}: ${wordsIn(readJson(responseBody)) ?? (responseBody.trim() || error.message)}`;
  // Our own proxy has no other way to say so.
  if (responseBody.startsWith('The sandbox refused')) return new ModelFailure('configuration', responseBody.trim());
  if (statusCode === 402 || NO_MONEY.test(responseBody)) return new ModelFailure('budget', message);
  if (statusCode === 401 || statusCode === 403) return new ModelFailure('authentication', message);
  if (TRANSIENT.includes(statusCode) || statusCode >= 500) {
    return new ModelFailure('transient', message, retryAfterOf(responseHeaders));
  }
  if (statusCode < 300) {
    return new ModelFailure('transient', `The model service's answer was cut, or cannot be read: ${chainOf(error)}`);
  }
  return new ModelFailure('configuration', message);
}

function ofNetwork(error: unknown): ModelFailure {
  const said = chainOf(error);
  // The proxy of the sandbox refuses a tunnel with this status.
  return /Proxy response \(403\)/.test(said)
    ? new ModelFailure('configuration', `The sandbox refused the model service's host (network.hosts): ${said}`)
    : new ModelFailure('transient', `The model service was not reached: ${said}`);
}

function ofStreamError(error: unknown, said: string): ModelFailure {
  const status = isRecord(error) ? Number(error.code ?? error.status) : Number.NaN;
  if (status === 401 || status === 403) return new ModelFailure('authentication', said);
  return status >= 400 && status < 500 && !TRANSIENT.includes(status)
    ? new ModelFailure('configuration', said)
    : new ModelFailure('transient', said);
}

/** `Retry-After` in the form that the service has it; the more exact one of some services first. */
function retryAfterOf(headers: Readonly<Record<string, string>>): string | null {
  const exact = headers['retry-after-ms'];
  if (exact !== undefined && /^\d+(?:\.\d+)?$/.test(exact.trim())) return `${exact.trim()}ms`;
  return headers['retry-after'] ?? null;
}

/** The message in a service's error, `{"error":{"message":…}}`, `{"error":…}` or `{"message":…}`, whichever it has. */
function wordsIn(value: unknown): string | null {
  if (typeof value === 'string') return value.trim() || null;
  if (Array.isArray(value)) return wordsIn(value[0]);
  if (!isRecord(value) || value instanceof Error) return null;
  const words = wordsIn(value.error) ?? (typeof value.message === 'string' ? value.message : null);
  return words ?? (typeof value.detail === 'string' ? value.detail : null);
}

/** The messages of an error and of its causes: Node's `fetch failed` has the reason in the cause. */
function chainOf(error: unknown): string {
  const said: string[] = [];
  for (let at = error; at instanceof Error && said.length < 5; at = at.cause) {
    if (at.message !== '' && !said.some((words) => words.includes(at.message))) said.push(at.message);
  }
  return said.join(': ') || String(error);
}
