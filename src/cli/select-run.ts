import { PromptOsError } from '../contracts/errors.js';
import { LATEST } from './global-options.js';
import { latestRun } from './latest-run.js';
import { readPublishedRun } from './published-run.js';
import type { RunSources, SelectedRun } from './selected-run.js';

/** Enough to see that a beginning is not unique, and to name some. */
const CANDIDATES = 4;
const CAN_BEGIN_AN_ID = /^[a-z0-9][a-z0-9-]{0,62}$/;

/**
 * The run that somebody means: by its id, by a beginning that only one run has, or by `latest`.
 * @throws PromptOsError RUN_NOT_FOUND, RUN_AMBIGUOUS
 */
export async function selectRun(given: string, sources: RunSources): Promise<SelectedRun> {
  if (given === LATEST) return latestRun(sources);
  if (!CAN_BEGIN_AN_ID.test(given)) throw notFound(given);
  const exact = await find(given, sources);
  if (exact !== null) return exact;
  const { store, runs } = sources;
  const listed = runs === null ? [] : await runs.list(CANDIDATES, { prefix: given });
  const published = (await store.list()).filter(({ run_id }) => run_id.startsWith(given));
  const ids = [...new Set([...listed, ...published].map(({ run_id }) => run_id))];
  const [only] = ids;
  if (only === undefined) throw notFound(given);
  if (ids.length === 1) return (await find(only, sources)) ?? { run_id: only, target_repo: null };
  const some = ids.slice(0, CANDIDATES - 1).join(', ') + (ids.length >= CANDIDATES ? ', …' : '');
  throw new PromptOsError('RUN_AMBIGUOUS', `Several runs begin with "${given}": ${some}.`);
}

async function find(runId: string, { store, runs }: RunSources): Promise<SelectedRun | null> {
  // Two characters are the beginning of an id, never one.
  if (runId.length < 3) return null;
  if ((await store.published(runId)) !== null) {
    const read = await readPublishedRun(store, runId).catch(() => null);
    return { run_id: runId, target_repo: read?.record.target_repo ?? null };
  }
  if (runs === null) return null;
  try {
    return await runs.describe(runId);
  } catch (error) {
    if (error instanceof PromptOsError && error.code === 'RUN_NOT_FOUND') return null;
    throw error;
  }
}

const notFound = (given: string): PromptOsError =>
  new PromptOsError('RUN_NOT_FOUND', `There is no run ${JSON.stringify(given)}, nor one that begins so.`);
