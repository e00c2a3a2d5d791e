import { RUN_ID_PATTERN } from '../contracts/names.js';
import type { ArtifactStore } from '../ports/artifact-store.js';
import type { CommandContext } from './context.js';
import { LATEST } from './global-options.js';
import { type OpenedRuns, withRuns } from './governed-runs.js';
import { isNoServer } from './no-server.js';
import { findProject, openProjectStore } from './project.js';
import { selectRun } from './select-run.js';
import type { SelectedRun } from './selected-run.js';
import { thisRepository } from './this-repository.js';

/** What is done with a run from its published tree, and with one that only the server knows. */
export interface RunAccess {
  published(store: ArtifactStore, run: SelectedRun): Promise<void>;
  live(session: OpenedRuns, run: SelectedRun): Promise<void>;
}

/**
 * Works on the run that somebody means. One that is published by the id given needs no server; without a server the others
 * are looked for in the store.
 * @throws PromptOsError RUN_NOT_FOUND, RUN_AMBIGUOUS; without a server SERVER_NOT_RUNNING or TEMPORAL_UNREACHABLE
 */
export async function withPublishedOrLive(
  context: CommandContext,
  given: string,
  { published, live }: RunAccess,
): Promise<void> {
  const project = await findProject(context);
  const { store } = await openProjectStore(project);
  const isPublished = async (runId: string) => RUN_ID_PATTERN.test(runId) && (await store.published(runId)) !== null;
  const fromStore = async () =>
    selectRun(given, { store, journals: store, runs: null, here: await thisRepository(project, store) });
  if (given !== LATEST && (await isPublished(given))) return published(store, await fromStore());
  try {
    await withRuns(context, async (session) => live(session, await selectRun(given, session)));
  } catch (error) {
    if (!isNoServer(error)) throw error;
    const found = await fromStore().catch(() => null);
    if (found === null || !(await isPublished(found.run_id))) throw error;
    await published(store, found);
  }
}
