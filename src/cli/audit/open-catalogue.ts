import type { PolicyFile } from '../../config/policy-file.js';
import type { StoreCommandContext } from '../published-run.js';
import { selectPublishedRun } from '../select-published-run.js';
import { selectRun } from '../select-run.js';
import { openBundledRuns } from './bundled-runs.js';
import { createRunCatalogue, type RunCatalogue } from './run-catalogue.js';

/** For the option `--bundle`, which may be given several times. */
export const BUNDLE_HELP =
  'a run as `promptos export --bundle` wrote it, in place of the store; may be given several times';

/**
 * The run that somebody means among those of an audit.
 * @throws PromptOsError RUN_NOT_FOUND, RUN_AMBIGUOUS
 */
export async function selectAudited(
  context: StoreCommandContext,
  bundles: readonly string[],
  { store }: RunCatalogue,
  given: string,
): Promise<string> {
  if (bundles.length === 0) return selectPublishedRun(context, given, await context.openStore());
  // Whoever names bundles means their runs, of whichever repository.
  const here = { what: 'the bundles', owns: async () => true };
  return (await selectRun(given, { store, journals: null, runs: null, here })).run_id;
}

/** The runs that an audit goes by: those of the bundles that were named, else those of the store of this place. */
export async function openCatalogue(
  context: StoreCommandContext,
  bundles: readonly string[],
  policies: readonly PolicyFile[],
): Promise<RunCatalogue> {
  if (bundles.length === 0) return createRunCatalogue(await context.openStore());
  const { store, refused } = await openBundledRuns(context.cwd, bundles, policies);
  return createRunCatalogue(store, refused);
}
