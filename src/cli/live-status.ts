import { PromptOsError } from '../contracts/errors.js';
import type { RunStatus } from '../contracts/run-status.js';
import type { OpenedRuns } from './governed-runs.js';
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
