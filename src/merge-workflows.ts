import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { dirname, extname, join } from 'node:path';
import process from 'node:process';
import { fileURLToPath } from 'node:url';

const ENTRY_NAME = 'promptos-merged-workflows.js';

/** A file of ours as Temporal's bundler takes it: TypeScript in the source tree, JavaScript once built. */
const sourcePath = (name: string): string =>
  fileURLToPath(new URL(`./workflows/${name}${extname(import.meta.url)}`, import.meta.url));

/** Our workflows, with the messages that they take. */
export const governanceWorkflowsPath = (): string => sourcePath('index');

/**
 * Where the team's own Temporal packages lie: an entry of ours lies elsewhere, and the bundler must find them from there.
 * @param workflowsPath the team's own entry, absolute
 */
export function temporalModulesFolder(workflowsPath: string): string {
  const manifest = createRequire(workflowsPath).resolve('@temporalio/workflow/package.json');
  return join(dirname(manifest), '..', '..');
}

/** Rules for the bundler: in an entry that `mergeWorkflows` wrote, a name that both sides export is an error. */
export const MERGED_ENTRY_RULE = {
  test: new RegExp(`${ENTRY_NAME.replace('.', '\\.')}$`),
  parser: { reexportExportsPresence: 'error' },
} as const;

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
  const [theirs, ours] = [workflowsPath, sourcePath('governed-run')].map((path) => JSON.stringify(path));
  // Only the workflow itself is added: a team may well have an `approveSignal` of its own.
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
