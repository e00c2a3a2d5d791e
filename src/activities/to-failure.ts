import { ApplicationFailure } from '@temporalio/common';
import { ERROR_CATALOGUE, PromptOsError } from '../contracts/errors.js';

/**
 * What Temporal is told of an error: its code as the failure's type, and from the catalogue whether to try again.
 * Anything that is no `PromptOsError` goes on as it is, and so stays retryable.
 */
export function toFailure(error: unknown): unknown {
  if (!(error instanceof PromptOsError)) return error;
  const nonRetryable = !ERROR_CATALOGUE[error.code].retryable;
  return ApplicationFailure.create({ type: error.code, message: error.message, nonRetryable, cause: error });
}
