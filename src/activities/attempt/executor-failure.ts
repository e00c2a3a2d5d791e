import type { Info } from '@temporalio/activity';
import { type ErrorCode, PromptOsError } from '../../contracts/errors.js';
import { durationText } from '../../contracts/primitives.js';
import { gateProgressSchema, type ProviderWait } from '../../contracts/run/gate-progress.js';
import { counted, endSentence } from '../../contracts/sentences.js';
import type { ExecutorFailure } from '../../ports/gate-executor.js';

type Transient = Extract<ExecutorFailure, { readonly class: 'transient' }>;

/** A failure that no further try of the same prompt can mend: people read it in a P08. */
const CODES = {
  authentication: 'EXECUTOR_NOT_AUTHENTICATED',
  configuration: 'EXECUTOR_MISCONFIGURED',
  budget: 'EXECUTOR_OUT_OF_BUDGET',
} as const satisfies Record<Exclude<ExecutorFailure['class'], 'transient'>, ErrorCode>;

const SAID = {
  authentication: 'The provider did not accept the credential',
  configuration: 'The provider or the program refused the settings',
  budget: 'The budget is spent',
} as const satisfies Record<keyof typeof CODES, string>;

export const finalFailure = (
  principal: string,
  failure: Exclude<ExecutorFailure, { readonly class: 'transient' }>,
): PromptOsError =>
  new PromptOsError(
    CODES[failure.class],
    endSentence(`${SAID[failure.class]} of the executor of "${principal}": ${failure.message}`),
  );

/** The provider cannot answer now. The gate's activity is retried after a delay of its own, which no limit of tries counts. */
export class ProviderOverloaded extends PromptOsError {
  /** @param retryInMs null once it has lasted too long: then people are asked */
  constructor(
    text: string,
    readonly retryInMs: number | null,
  ) {
    super('EXECUTOR_OVERLOADED', text, retryInMs === null ? { hint: OVER_HINT } : undefined);
  }
}

const OVER_HINT =
  'Resolve the P08 with `retry` once the provider answers again, or raise `retry_for` of the executor in the worker config.';

const FIRST_DELAY_MS = 5_000;
const LONGEST_DELAY_MS = 300_000;
/** A provider that names too short a delay is asked less often after this many waits. */
const PATIENT_WAITS = 5;
const SHORTEST_DELAY_MS = 1_000;

/** The n-th delay, from 1. */
function delayOf(named: number | null, times: number): number {
  if (named === null) return Math.min(FIRST_DELAY_MS * 2 ** (times - 1), LONGEST_DELAY_MS);
  const least = SHORTEST_DELAY_MS * 2 ** Math.max(0, times - PATIENT_WAITS);
  return Math.max(named, Math.min(least, LONGEST_DELAY_MS));
}

/** What transient trouble means: how long to wait, or that it has lasted too long. */
export interface Overload {
  readonly error: ProviderOverloaded;
  /** Null where nothing is waited for any more. */
  readonly wait: ProviderWait | null;
}

/**
 * @param earlier what the attempt has waited so far
 * @param now milliseconds since the epoch
 */
export function overload(principal: string, failure: Transient, earlier: ProviderWait | null, now: number): Overload {
  const { message, retry_after_ms, retry_for_ms } = failure;
  const since = earlier?.since ?? instant(now);
  const times = (earlier?.times ?? 0) + 1;
  const delay = delayOf(retry_after_ms, times);
  const said = endSentence(`The provider of the executor of "${principal}" cannot answer now: ${message}`);
  if (now + delay - Date.parse(since) > retry_for_ms) {
    const asked = retry_after_ms === null ? '' : ` It asks to wait ${Math.ceil(delay / 1_000)} s.`;
    const text = `${said} Asked ${counted(times, 'time')} since ${since}; retry_for is ${durationText(retry_for_ms)}.${asked}`;
    return { error: new ProviderOverloaded(text, null), wait: null };
  }
  const wait = { since, until: instant(now + delay), times };
  const text = `${said} Asked ${counted(times, 'time')} since ${since}; the next time at ${wait.until}.`;
  return { error: new ProviderOverloaded(text, delay), wait };
}

/** No date of JavaScript is later. */
const LAST_INSTANT = 8_640_000_000_000_000;
const instant = (milliseconds: number): string => new Date(Math.min(milliseconds, LAST_INSTANT)).toISOString();

/**
 * What an attempt has waited for its provider, from the last heartbeat of the activity's attempts before. Any poller may
 * have sent that: the count and the time are bounded by what the server itself says.
 */
export function earlierWait(
  {
    heartbeatDetails,
    attempt,
    scheduledTimestampMs,
  }: Pick<Info, 'heartbeatDetails' | 'attempt' | 'scheduledTimestampMs'>,
  now: number,
): ProviderWait | null {
  const wait = gateProgressSchema.safeParse(heartbeatDetails).data?.provider_wait;
  const times = Math.min(wait?.times ?? 0, attempt - 1);
  if (wait === undefined || times < 1) return null;
  const since = Math.min(Math.max(Date.parse(wait.since), scheduledTimestampMs), now);
  return { since: instant(since), until: wait.until, times };
}
