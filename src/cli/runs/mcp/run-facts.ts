import { z } from 'zod';
import { PromptOsError } from '../../../contracts/errors.js';
import { type LedgerEntry, parseLedgerLines } from '../../../contracts/run/ledger.js';
import type { RunStatus } from '../../../contracts/run/run-status.js';
import { TREE_PATHS } from '../../../domain/record/published-tree.js';
import { LATEST } from '../../app/options.js';
import { readPublished } from '../../app/published-run.js';
import type { OpenedRuns } from '../read/governed-runs.js';
import { withPublishedOrLive } from '../read/open-run.js';
import { publishedStatus, storedStatus } from '../read/run-status.js';
import { findRun } from '../read/stored-parts.js';
import type { McpSession } from './tool.js';

/** The argument of every tool that is about one run. */
export const runArgument = z
  .string()
  .min(1)
  .max(63)
  .default(LATEST)
  .describe('the run: its id, a unique beginning of its id, or "latest", the newest of this repository');

/** The status of a run that a server knows: from its record, from a worker, or from the store where no worker answers. */
export async function readStatus(
  { runs, store }: Pick<OpenedRuns, 'runs' | 'store'>,
  runId: string,
): Promise<RunStatus> {
  const recorded = await publishedStatus(store, runId);
  if (recorded !== null) return recorded;
  try {
    return await runs.status(runId);
  } catch (error) {
    if (!(error instanceof PromptOsError && error.code === 'WORKER_MISSING')) throw error;
    const stored = await storedStatus(runs, store, runId);
    if (stored === null) throw error;
    return stored.status;
  }
}

/** The status of the requested run. @throws PromptOsError RUN_NOT_FOUND, RUN_AMBIGUOUS, WORKER_MISSING, SERVER_NOT_RUNNING */
export const statusOfRun = ({ context }: McpSession, given: string): Promise<RunStatus> =>
  withPublishedOrLive(context, given, {
    published: async (store, { run_id }) => {
      const status = await publishedStatus(store, run_id);
      if (status !== null) return status;
      throw new PromptOsError('RUN_NOT_PUBLISHED', `Run ${run_id} has no published tree.`);
    },
    live: (session, { run_id }) => readStatus(session, run_id),
  });

/** The ledger of a run: of its published tree, else what the store and a worker have of it. */
export const ledgerOfRun = (
  { context }: McpSession,
  given: string,
): Promise<{ readonly run_id: string; readonly entries: readonly LedgerEntry[] }> =>
  withPublishedOrLive(context, given, {
    published: async (store, { run_id }) => ({
      run_id,
      entries: parseLedgerLines(await readPublished(store, run_id, TREE_PATHS.ledger)),
    }),
    live: async ({ store, runs, temporal }, { run_id }) => {
      if ((await store.published(run_id)) !== null)
        return { run_id, entries: parseLedgerLines(await readPublished(store, run_id, TREE_PATHS.ledger)) };
      const { entries } = await findRun(store, { client: temporal.client, runs }, run_id);
      return { run_id, entries };
    },
  });
