import { createHash } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { z } from 'zod';
import { replaceFile } from '../../../adapters/platform/durable-files.js';
import { makeFolders } from '../../../adapters/platform/make-folders.js';
import { cacheFolder } from '../../../config/user-folders.js';
import { parseJsonAs } from '../../../contracts/json.js';
import { runIdSchema } from '../../../contracts/primitives.js';
import type { CommandContext } from '../../app/context.js';
import { findProject, type Project } from '../../app/project.js';

/*
 * `promptos dev --target-repo ELSEWHERE` publishes in the store of the other repository. The user's cache remembers for
 * each folder which run was started from it last, so that `promptos export` finds the run from the same folder.
 */

const lastRunSchema = z.strictObject({
  run_id: runIdSchema,
  /** The top of the target repository. */
  repository: z.string(),
  worker_config: z.string(),
});
export type LastRun = z.infer<typeof lastRunSchema>;

/** The file of a place: of the `.promptos` folder that commands use there. */
function lastRunFile(context: CommandContext, here: Project): string {
  const name = createHash('sha256').update(here.files.home).digest('hex');
  return join(cacheFolder(context.env), 'last-runs', `${name}.json`);
}

/** Remembers a run that works on another repository than the one around. That this fails must not end the run. */
export async function rememberRun(context: CommandContext, project: Project, runId: string): Promise<void> {
  const here = await findProject(context);
  const { repository, home } = project.files;
  if (here.files.home === home || repository === null || project.workerConfigPath === null) return;
  const last: LastRun = { run_id: runId, repository, worker_config: project.workerConfigPath };
  const file = lastRunFile(context, here);
  try {
    await makeFolders(dirname(file), 0o700);
    await replaceFile({ path: file, text: `${JSON.stringify(last)}\n`, mode: 0o600 });
  } catch (error) {
    context.output().note(`note: export will not find this run by itself: ${(error as Error).message}`);
  }
}

/** The run that `dev` started from here last, for another repository than the one around; null for none. */
export async function lastRunFromHere(context: CommandContext): Promise<LastRun | null> {
  try {
    const text = await readFile(lastRunFile(context, await findProject(context)), 'utf8');
    return parseJsonAs(lastRunSchema, text);
  } catch {
    // Missing or damaged: there is nothing to fall back to, which the caller says.
    return null;
  }
}
