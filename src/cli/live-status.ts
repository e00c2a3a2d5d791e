import type { z } from 'zod';
import { PromptOsError } from '../contracts/errors.js';
import type { RunStatus } from '../contracts/run-status.js';
import type { OpenedRuns } from './governed-runs.js';
import { requireNoSecret } from './require-no-secret.js';
import { storedStatus } from './stored-status.js';

/** The status of a run that has not ended, or why it is not known. */
export type LiveStatus = { readonly status: RunStatus } | { readonly missing: PromptOsError };

/**
 * Asks a run that a message is meant for; without a worker, what the store has of it.
 * @throws PromptOsError RUN_CLOSED when it has ended
 */
export async function liveStatus({ runs, store }: OpenedRuns, runId: string): Promise<LiveStatus> {
  const closed = () => new PromptOsError('RUN_CLOSED', `Run ${runId} has ended.`);
  if ((await store.published(runId)) !== null) throw closed();
  try {
    const status = await runs.status(runId);
    if (status.phase === 'closed') throw closed();
    return { status };
  } catch (error) {
    if (!(error instanceof PromptOsError && error.code === 'WORKER_MISSING')) throw error;
    if ((await runs.describe(runId)).status !== 'RUNNING') throw closed();
    const stored = await storedStatus(runs, store, runId);
    if (stored === null) return { missing: error };
    if (stored.status.phase === 'closed') throw closed();
    return { status: stored.status };
  }
}

/** @throws PromptOsError NOT_A_TERMINAL when nobody was named, since nobody can be asked either */
export function requireActor(as: string | undefined): string {
  if (as !== undefined) return as;
  throw new PromptOsError('NOT_A_TERMINAL', 'Nobody was named to decide, and there is no terminal to ask on.', {
    hint: 'Say who decides: --as NAME.',
  });
}

/** A message as the contracts have it. Whether it counts is for the run to judge. @throws PromptOsError USAGE */
export function readMessage<T>(schema: z.ZodType<T>, message: Readonly<Record<string, unknown>>): T {
  const said = Object.fromEntries(Object.entries(message).filter(([, value]) => value !== undefined));
  const parsed = schema.safeParse(said);
  if (parsed.success) {
    requireNoSecret(said, 'MESSAGE_HOLDS_SECRET');
    return parsed.data;
  }
  const problems = parsed.error.issues.map(({ path, message: problem }) => `${path.join('.')}: ${problem}`);
  throw new PromptOsError('USAGE', `The message has not the form that runs take: ${problems.join('; ')}.`);
}
