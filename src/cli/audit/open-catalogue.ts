import type { PolicyFile } from '../../config/policy-file.js';
import type { StoreCommandContext } from '../published-run.js';
import { openBundledRuns } from './bundled-runs.js';
import { createRunCatalogue, type RunCatalogue } from './run-catalogue.js';

/** For the option `--bundle`, which may be given several times. */
export const BUNDLE_HELP =
  'a run as `promptos export --bundle` wrote it, in place of the store; may be given several times';

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
