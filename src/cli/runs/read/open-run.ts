import { RUN_ID_PATTERN } from '../../../contracts/names.js';
import type { ArtifactStore } from '../../../ports/artifact-store.js';
import type { CommandContext } from '../../app/context.js';
import { LATEST } from '../../app/options.js';
import { findProject, openProjectStore } from '../../app/project.js';
import { isNoServer } from '../../app/report-error.js';
import { announceRun, type SelectedRun, selectRun } from '../../app/select-run.js';
import { thisRepository } from '../../app/this-repository.js';
import { type OpenedRuns, withRuns } from './governed-runs.js';

/** What is done with a run from its published tree, and with one that only the server knows. */
export interface RunAccess<T> {
  published(store: ArtifactStore, run: SelectedRun): Promise<T>;
  live(session: OpenedRuns, run: SelectedRun): Promise<T>;
  /** What is done without a server with a run that has not ended; null, as without this, where nothing can be done. */
  journalled?(store: ArtifactStore, run: SelectedRun): Promise<T | null>;
}

/**
 * Works on the requested run. A run that is published under the given id needs no server; without a server, other runs
 * are searched for in the store.
 * @throws PromptOsError RUN_NOT_FOUND, RUN_AMBIGUOUS; without a server SERVER_NOT_RUNNING or TEMPORAL_UNREACHABLE
 */
export async function withPublishedOrLive<T>(
  context: CommandContext,
  given: string,
  { published, live, journalled }: RunAccess<T>,
): Promise<T> {
  const project = await findProject(context);
  const { store } = await openProjectStore(project);
  const isPublished = async (runId: string) => RUN_ID_PATTERN.test(runId) && (await store.published(runId)) !== null;
  const fromStore = async () =>
    selectRun(given, { store, journals: store, runs: null, here: await thisRepository(project, store) });
  if (given !== LATEST && (await isPublished(given))) return published(store, await fromStore());
  try {
    return await withRuns(context, async (session) => live(session, await selectRun(given, session)));
  } catch (error) {
    if (!isNoServer(error)) throw error;
    const found = await fromStore().catch(() => null);
    if (found === null) throw error;
    if (await isPublished(found.run_id)) return published(store, found);
    const known = await journalled?.(store, found);
    if (known == null) throw error;
    return known;
  }
}

/**
 * The id of the requested run, for a command that reads published trees; the run is announced. `latest` means the same as
 * for every command: a newer run that has not ended is not skipped.
 * @throws PromptOsError RUN_NOT_FOUND, RUN_AMBIGUOUS
 */
export async function selectPublishedRun(
  context: CommandContext,
  given: string,
  store: ArtifactStore,
): Promise<string> {
  const selected = await select(context, given, store);
  announceRun(selected, context.output());
  return selected.run_id;
}

async function select(context: CommandContext, given: string, store: ArtifactStore): Promise<SelectedRun> {
  const here = await thisRepository(await findProject(context), store);
  const fromStore = () => selectRun(given, { store, journals: store, runs: null, here });
  if (given !== LATEST) return fromStore();
  // Only now: it loads the whole of Temporal.
  const { withRuns } = await import('./governed-runs.js');
  return withRuns(context, ({ runs }) => selectRun(given, { store, runs, here })).catch((error: unknown) => {
    if (isNoServer(error)) return fromStore();
    throw error;
  });
}
