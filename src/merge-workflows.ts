import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { dirname, extname, join } from 'node:path';
import process from 'node:process';
import { fileURLToPath } from 'node:url';

const ENTRY_NAME = 'promptos-merged-workflows.js';

/** Our workflows as a file that Temporal's bundler takes: TypeScript in the source tree, JavaScript once built. */
export const governanceWorkflowsPath = (): string =>
  fileURLToPath(new URL(`./workflows/index${extname(import.meta.url)}`, import.meta.url));

/**
 * Where the team's own Temporal packages lie: an entry of ours lies elsewhere, and the bundler must find them from there.
 * @param workflowsPath the team's own entry, absolute
 */
export function temporalModulesFolder(workflowsPath: string): string {
  const manifest = createRequire(workflowsPath).resolve('@temporalio/workflow/package.json');
  return join(dirname(manifest), '..', '..');
}

/** Whether a path is an entry that `mergeWorkflows` wrote. */
export const isMergedEntry = (workflowsPath: string): boolean => workflowsPath.endsWith(ENTRY_NAME);

/**
 * Writes an entry for the bundler that has both a team's own workflows and ours, since a bundle comes from one module.
 * A name that both export fails the bundle loudly. The folder is removed when the process ends.
 * @param workflowsPath the team's own entry, absolute
 */
export function mergeWorkflows(workflowsPath: string): string {
  const folder = mkdtempSync(join(tmpdir(), 'promptos-workflows-'));
  process.once('exit', () => rmSync(folder, { recursive: true, force: true }));
  const [theirs, ours] = [workflowsPath, governanceWorkflowsPath()].map((path) => JSON.stringify(path));
  // The namespace import keeps a dynamic default workflow working, and costs nothing where there is none.
  const source = [
    `import * as theirs from ${theirs};`,
    `export * from ${theirs};`,
    `export * from ${ours};`,
    // Through a variable, since the bundler warns of a member that is not there.
    `const dynamic = 'default';`,
    `export default theirs[dynamic];`,
    '',
  ].join('\n');
  const entry = join(folder, ENTRY_NAME);
  writeFileSync(entry, source);
  return entry;
}
