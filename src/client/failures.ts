import {
  isGrpcServiceError,
  WorkflowFailedError,
  WorkflowNotFoundError,
  WorkflowUpdateFailedError,
} from '@temporalio/client';
import { ApplicationFailure, TerminatedFailure, TimeoutFailure } from '@temporalio/common';
import { ERROR_CATALOGUE, isErrorCode, PromptOsError } from '../contracts/errors.js';

/** The server says at once that no worker has asked for work for a while, or that the one that did fails at the run. */
export const isWithoutWorker = (error: unknown): boolean =>
  /no poller|update due to workflow task in failed state/i.test(errorText(error));

/** What a query of a run is answered whose history the worker's code does not lead to. */
const NOT_CARRIED_ON = /TMPRL1100|workflow task in failed state/i;

function errorText(error: unknown): string {
  if (isGrpcServiceError(error)) return `${error.message} ${error.details}`;
  if (!(error instanceof Error)) return String(error);
  return error.cause === undefined ? error.message : `${error.message} ${errorText(error.cause)}`;
}

/** The gRPC status of a connection that fails. */
const UNAVAILABLE = 14;

/** Why there is no connection, as the library says it; null for an answer of the server. */
function connectionFailure(error: unknown): string | null {
  if (isGrpcServiceError(error)) {
    return error.code === UNAVAILABLE ? error.details.replace(/\.?\s*(?:Resolution note:\s*)?$/, '') : null;
  }
  return error instanceof Error && error.cause !== undefined ? connectionFailure(error.cause) : null;
}

/** What a call about one run failed with, as an error of ours. */
export function asRunFailure(runId: string, error: unknown): unknown {
  const text = errorText(error);
  if (error instanceof WorkflowNotFoundError) {
    // The server answers the same for a run that it never had and for a message to one that has ended.
    return /already completed/i.test(text)
      ? new PromptOsError('RUN_CLOSED', `Run ${runId} has ended.`, { cause: error })
      : new PromptOsError('RUN_NOT_FOUND', `There is no run ${runId}.`, { cause: error });
  }
  if (error instanceof WorkflowFailedError) {
    const cause = error.cause;
    if (cause instanceof ApplicationFailure && isErrorCode(cause.type)) {
      const why = cause.message.replace(ERROR_CATALOGUE[cause.type].hint, '').trimEnd();
      return new PromptOsError(cause.type, `Run ${runId} ended without a record: ${why}`, { cause: error });
    }
    const why = cause instanceof TimeoutFailure ? 'timed out' : (cause?.message ?? 'was terminated');
    const how = cause instanceof TerminatedFailure ? 'terminated: ' : '';
    return new PromptOsError('TEMPORAL_FAILED', `Run ${runId} ended without a record: ${how}${why}`, {
      hint: `\`promptos run recover ${runId}\` finishes it where that is possible, else it writes what there is.`,
      cause: error,
    });
  }
  if (error instanceof WorkflowUpdateFailedError) {
    return new PromptOsError('TEMPORAL_FAILED', `Run ${runId} did not take the message: ${text}`, { cause: error });
  }
  if (NOT_CARRIED_ON.test(text)) {
    return new PromptOsError(
      'TEMPORAL_FAILED',
      `The worker that there is cannot carry on run ${runId}: the run began with other code, or that code fails.`,
      {
        hint: 'Start a worker of the release of PromptOS that began the run, until the run has ended; the log of the worker says what it failed with.',
        cause: error,
      },
    );
  }
  return asTemporalFailure(error);
}

/** Anything else that Temporal did not do. */
export function asTemporalFailure(error: unknown): unknown {
  if (error instanceof PromptOsError) return error;
  const lost = connectionFailure(error);
  if (lost !== null) {
    return new PromptOsError('TEMPORAL_FAILED', `The Temporal server does not answer: ${lost}.`, {
      hint: 'Give the command again when the server answers; `promptos dev --resume` starts an embedded one again.',
      cause: error,
    });
  }
  return new PromptOsError('TEMPORAL_FAILED', `Temporal did not do what was asked: ${errorText(error)}.`, {
    cause: error,
  });
}
