import { PromptOsError } from '../contracts/errors.js';
import type { ArtifactStore } from '../ports/artifact-store.js';
import { LATEST } from './global-options.js';
import type { StoreCommandContext } from './published-run.js';
import { selectPublishedRun } from './select-published-run.js';

/** A published run and the store that it is in. */
export interface ExportedRun {
  readonly store: ArtifactStore;
  readonly run: string;
}

/**
 * The run to export: of this place, or the last one that `dev` started from here for another repository. Without a name it
 * is the one of the two that was published later.
 * @throws PromptOsError RUN_NOT_PUBLISHED, RUN_NOT_FOUND, RUN_AMBIGUOUS
 */
export async function selectExported(context: StoreCommandContext, given = LATEST): Promise<ExportedRun> {
  const own = await context.openStore();
  const elsewhere = await openElsewhere(context);
  const published = await own.list();
  const inOwn = async (): Promise<ExportedRun> => ({ store: own, run: await selectPublishedRun(context, given, own) });
  if (elsewhere === null) return inOwn();
  const { store, run_id, repository } = elsewhere;
  if (given !== LATEST) {
    if (published.some((run) => run.run_id.startsWith(given)) || !run_id.startsWith(given)) return inOwn();
  } else {
    const [newest] = published;
    const started = (await store.list()).find((run) => run.run_id === run_id);
    if (started === undefined && newest === undefined) {
      throw new PromptOsError('RUN_NOT_PUBLISHED', `Run ${run_id} of ${repository} has no published tree yet.`);
    }
    if (started === undefined || (newest !== undefined && newest.published_at >= started.published_at)) return inOwn();
  }
  context.output().note(`note: ${run_id} is of ${repository}, for which dev started it from here`);
  return { store, run: run_id };
}

/** The store of the last run that `dev` started from here for another repository; null where there is none any more. */
async function openElsewhere(
  context: StoreCommandContext,
): Promise<{ readonly store: ArtifactStore; readonly run_id: string; readonly repository: string } | null> {
  const { lastRunFromHere } = await import('./last-run.js');
  const last = await lastRunFromHere(context);
  if (last === null) return null;
  const { findProject, openProjectStore } = await import('./project.js');
  try {
    const project = await findProject(context, last.repository, last.worker_config);
    return { ...last, store: (await openProjectStore(project)).store };
  } catch (error) {
    if (!(error instanceof PromptOsError)) throw error;
    context
      .output()
      .note(`note: run ${last.run_id} of ${last.repository} is left out: ${error.code}: ${error.summary}`);
    return null;
  }
}
