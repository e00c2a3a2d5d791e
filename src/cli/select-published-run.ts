import type { ArtifactStore } from '../ports/artifact-store.js';
import type { CommandContext } from './context.js';
import { LATEST } from './global-options.js';
import { isNoServer } from './no-server.js';
import { findProject } from './project.js';
import { selectRun } from './select-run.js';
import { announceRun, type SelectedRun } from './selected-run.js';
import { thisRepository } from './this-repository.js';

/**
 * The id of the run that somebody means, for a command that reads published trees; the run is announced. `latest` is what
 * it is for every command: a newer run that has not ended is not passed over.
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
