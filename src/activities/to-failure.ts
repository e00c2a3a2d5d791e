import { hostname } from 'node:os';
import type { Context } from '@temporalio/activity';
import { ApplicationFailure, TemporalFailure } from '@temporalio/common';
import { ERROR_CATALOGUE, type ErrorCode, messageOf, PromptOsError, systemCode } from '../contracts/errors.js';
import { clipText } from '../rules/outputs/judged-output.js';
import { maskSecrets } from '../rules/secrets/mask-secrets.js';
import { ProviderOverloaded } from './attempt/executor-failure.js';

/** Characters of a message, of its causes together, and of the worker's name: the ledger takes 2,000. */
const LIMITS = { message: 1_300, causes: 450, worker: 200 } as const;
const MAX_CAUSES = 5;

/** Which worker, and on which machine: a failure that others cannot repeat is often of one machine alone. */
export function workerOf(context: Context): string {
  const host = hostname();
  const identity = identityOf(context);
  return clipText(identity.includes(host) ? identity : `${identity} on ${host}`, LIMITS.worker);
}

function identityOf(context: Context): string {
  try {
    return context.client.options.identity;
  } catch {
    // A worker without a connection of its own, as in tests of activities.
    return String(process.pid);
  }
}

/** The messages behind an error, from the nearest to the first cause, without what an earlier one says already. */
function causesOf(error: Error): readonly string[] {
  const said: string[] = [error.message];
  let cause = error.cause;
  for (let depth = 0; depth < MAX_CAUSES && cause !== undefined && cause !== null; depth += 1) {
    const message = messageOf(cause);
    const code = systemCode(cause);
    const text = code === null || message.includes(code) ? message : `${code}: ${message}`;
    if (text.trim() !== '' && !said.some((earlier) => earlier.includes(text))) said.push(text.trim());
    cause = cause instanceof Error ? cause.cause : undefined;
  }
  return said.slice(1);
}

/** An error for a person who was not there: what happened, what caused it, and on which worker. */
function describeError(error: Error, worker: string | undefined): string {
  const causes = causesOf(error);
  const parts = [
    clipText(error.message, LIMITS.message),
    ...(causes.length === 0 ? [] : [`Caused by: ${clipText(causes.join('; caused by: '), LIMITS.causes)}`]),
    ...(worker === undefined ? [] : [`Worker: ${worker}`]),
  ];
  return maskSecrets(parts.join('\n'));
}

/** Which failures of an activity are tried again, and how. */
export interface Retries {
  /** Attempts after which nothing is tried again: people decide then. */
  readonly giveUpAfter?: number;
  /** Codes that are tried again though the catalogue calls them final: the cause is this worker, not the run. */
  readonly mayHeal?: readonly ErrorCode[];
  /** Attempts that do not count: they ended in a wait for the provider of an executor. */
  readonly uncounted?: number;
  /** Milliseconds between two tries at the most. */
  readonly longestDelayMs?: number;
  /** What the run must know of an attempt that failed, asked for when it has. */
  readonly details?: (error: unknown) => object;
}

/** Doubles from 1,000 ms. */
const retryDelayMs = (attempt: number, longest = 60_000): number => Math.min(1_000 * 2 ** (attempt - 1), longest);

/**
 * What Temporal gets of an error: its code as the failure's type, from the catalogue whether to try again, and when:
 * the workflow's own retry policy is for workers that ended, and quicker. Anything that is no `PromptOsError` stays
 * retryable.
 * @param attempt the activity's, from 1
 * @param worker the worker that failed, for the message
 */
export function toFailure(error: unknown, attempt: number, retries: Retries = {}, worker?: string): unknown {
  const { giveUpAfter = Number.POSITIVE_INFINITY, mayHeal = [], uncounted = 0, longestDelayMs, details } = retries;
  const known = details === undefined ? {} : { details: [details(error)] };
  const tries = Math.max(1, attempt - uncounted);
  const again = tries < giveUpAfter ? { nextRetryDelay: retryDelayMs(tries, longestDelayMs) } : { nonRetryable: true };
  if (error instanceof ProviderOverloaded) {
    const when = error.retryInMs === null ? { nonRetryable: true } : { nextRetryDelay: error.retryInMs };
    const message = describeError(error, worker);
    return ApplicationFailure.create({ type: error.code, message, cause: error, ...when, ...known });
  }
  if (error instanceof PromptOsError) {
    const { code: type } = error;
    const message = describeError(error, worker);
    return ERROR_CATALOGUE[type].retryable || mayHeal.includes(type)
      ? ApplicationFailure.create({ type, message, cause: error, ...again, ...known })
      : ApplicationFailure.create({ type, message, cause: error, nonRetryable: true, ...known });
  }
  if (!(error instanceof Error) || error instanceof TemporalFailure) return error;
  const type = systemCode(error) ?? error.name;
  return ApplicationFailure.fromError(error, { ...again, ...known, type, message: describeError(error, worker) });
}
