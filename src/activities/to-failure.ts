import { ApplicationFailure, TemporalFailure } from '@temporalio/common';
import { ERROR_CATALOGUE, PromptOsError } from '../contracts/errors.js';

/** Doubles from 1,000 ms, capped at 60,000 ms. */
const retryDelayMs = (attempt: number): number => Math.min(1_000 * 2 ** (attempt - 1), 60_000);

/**
 * What Temporal is told of an error: its code as the failure's type, from the catalogue whether to try again, and when:
 * the workflow's own retry policy is for workers that ended, and quicker. Anything that is no `PromptOsError` stays
 * retryable.
 * @param attempt the activity's, from 1
 * @param giveUpAfter attempts after which nothing is tried again: what does not heal is for people to decide
 */
export function toFailure(error: unknown, attempt: number, giveUpAfter = Number.POSITIVE_INFINITY): unknown {
  const again = attempt < giveUpAfter ? { nextRetryDelay: retryDelayMs(attempt) } : { nonRetryable: true };
  if (error instanceof PromptOsError) {
    const { code: type, message } = error;
    return ERROR_CATALOGUE[type].retryable
      ? ApplicationFailure.create({ type, message, cause: error, ...again })
      : ApplicationFailure.create({ type, message, cause: error, nonRetryable: true });
  }
  if (!(error instanceof Error) || error instanceof TemporalFailure) return error;
  return ApplicationFailure.fromError(error, again);
}
