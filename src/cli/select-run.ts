import type { GovernedRuns } from '../client.js';
import { PromptOsError } from '../contracts/errors.js';
import type { ReadableStore } from '../ports/artifact-store.js';

/** The word that stands for the newest run. */
export const LATEST = 'latest';

/** For the help of every command that takes a run. */
export const RUN_ARGUMENT = 'the run: its id, the beginning of its id, or "latest"';

/** Enough to see that a beginning is not unique, and to name some. */
const CANDIDATES = 4;
const CAN_BEGIN_AN_ID = /^[a-z0-9][a-z0-9-]{0,62}$/;

/**
 * The id of the run that somebody means: the id itself, a beginning that only one run has, or `latest`.
 * @param runs null when no Temporal is there: then only published runs are known
 * @throws PromptOsError RUN_NOT_FOUND, RUN_AMBIGUOUS
 */
export async function selectRun(given: string, store: ReadableStore, runs: GovernedRuns | null): Promise<string> {
  if (given === LATEST) return latestRun(store, runs);
  if (!CAN_BEGIN_AN_ID.test(given)) throw notFound(given);
  if (await exists(given, store, runs)) return given;
  const listed = runs === null ? [] : await runs.list(CANDIDATES, given);
  const published = (await store.list()).filter(({ run_id }) => run_id.startsWith(given));
  const ids = [...new Set([...listed, ...published].map(({ run_id }) => run_id))];
  const [only] = ids;
  if (only === undefined) throw notFound(given);
  if (ids.length === 1) return only;
  const some = ids.slice(0, CANDIDATES - 1).join(', ') + (ids.length >= CANDIDATES ? ', …' : '');
  throw new PromptOsError('RUN_AMBIGUOUS', `Several runs begin with "${given}": ${some}.`);
}

async function latestRun(store: ReadableStore, runs: GovernedRuns | null): Promise<string> {
  const [newest] = runs === null ? [] : await runs.list(1);
  const found = newest ?? (await store.list())[0];
  if (found !== undefined) return found.run_id;
  throw new PromptOsError('RUN_NOT_FOUND', 'There is no run yet.', { hint: '`promptos dev` starts one.' });
}

async function exists(runId: string, store: ReadableStore, runs: GovernedRuns | null): Promise<boolean> {
  // Two characters are the beginning of an id, never one.
  if (runId.length < 3) return false;
  if ((await store.published(runId)) !== null) return true;
  if (runs === null) return false;
  try {
    await runs.describe(runId);
    return true;
  } catch (error) {
    if (error instanceof PromptOsError && error.code === 'RUN_NOT_FOUND') return false;
    throw error;
  }
}

const notFound = (given: string): PromptOsError =>
  new PromptOsError('RUN_NOT_FOUND', `There is no run ${JSON.stringify(given)}, nor one that begins so.`);
