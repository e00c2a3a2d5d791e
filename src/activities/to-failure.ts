import { ApplicationFailure, TemporalFailure } from '@temporalio/common';
import { ERROR_CATALOGUE, type ErrorCode, PromptOsError } from '../contracts/errors.js';
import { systemCode } from '../contracts/system-code.js';
import { describeError } from './describe-error.js';

/** Which failures of an activity are tried again, and how. */
export interface Retries {
  /** Attempts after which nothing is tried again: people decide then. */
  readonly giveUpAfter?: number;
  /** Codes that are tried again though the catalogue calls them final: the cause is this worker, not the run. */
  readonly mayHeal?: readonly ErrorCode[];
  /** Milliseconds between two tries at the most. */
  readonly longestDelayMs?: number;
}

/** Doubles from 1,000 ms. */
const retryDelayMs = (attempt: number, longest = 60_000): number => Math.min(1_000 * 2 ** (attempt - 1), longest);

/**
 * What Temporal is told of an error: its code as the failure's type, from the catalogue whether to try again, and when:
 * the workflow's own retry policy is for workers that ended, and quicker. Anything that is no `PromptOsError` stays
 * retryable.
 * @param attempt the activity's, from 1
 * @param worker the worker that failed, for the message
 */
export function toFailure(error: unknown, attempt: number, retries: Retries = {}, worker?: string): unknown {
  const { giveUpAfter = Number.POSITIVE_INFINITY, mayHeal = [], longestDelayMs } = retries;
  const again =
    attempt < giveUpAfter ? { nextRetryDelay: retryDelayMs(attempt, longestDelayMs) } : { nonRetryable: true };
  if (error instanceof PromptOsError) {
    const { code: type } = error;
    const message = describeError(error, worker);
    return ERROR_CATALOGUE[type].retryable || mayHeal.includes(type)
      ? ApplicationFailure.create({ type, message, cause: error, ...again })
      : ApplicationFailure.create({ type, message, cause: error, nonRetryable: true });
  }
  if (!(error instanceof Error) || error instanceof TemporalFailure) return error;
  const type = systemCode(error) ?? error.name;
  return ApplicationFailure.fromError(error, { ...again, type, message: describeError(error, worker) });
}
