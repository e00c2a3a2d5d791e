import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { dirname, extname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { makeMarkedFolder, passing, removeLeftovers } from '../adapters/platform/leftovers.js';

const FOLDER_PREFIX = 'promptos-workflows';
const ENTRY_NAME = 'promptos-merged-workflows.js';

/** A file of ours as Temporal's bundler takes it: TypeScript in the source tree, JavaScript once built. */
const sourcePath = (name: string): string =>
  fileURLToPath(new URL(`../workflows/${name}${extname(import.meta.url)}`, import.meta.url));

/** Our workflows, with the messages that they take. */
export const governanceWorkflowsPath = (): string => sourcePath('index');

/**
 * The folder of the team's own Temporal packages. An entry of ours is in another folder, and the bundler must still find
 * these packages.
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
  void removeLeftovers(tmpdir(), FOLDER_PREFIX);
  const folder = makeMarkedFolder(tmpdir(), FOLDER_PREFIX);
  passing.add(folder);
  const [theirs, ours] = [workflowsPath, sourcePath('governed-run')].map((path) => JSON.stringify(path));
  // Only the workflow itself is added: a team may well have an `approveSignal` of its own.
  // The namespace import keeps a dynamic default workflow working, and costs nothing where there is none.
  const source = [
    `import * as theirs from ${theirs};`,
    `export * from ${theirs};`,
    `export * from ${ours};`,
    // Through a variable, since the bundler warns of a missing member.
    `const dynamic = 'default';`,
    `export default theirs[dynamic];`,
    '',
  ].join('\n');
  const entry = join(folder, ENTRY_NAME);
  writeFileSync(entry, source);
  return entry;
}

/** What a governed run computes with: these modules and all that they import. */
const PURE = [
  'domain/attest/envelope',
  'domain/judge/read-interruption-logs',
  'domain/judge/read-spent',
  'domain/ledger/closed-ledger',
  'domain/ledger/ledger-chain',
  'domain/run/deadlines',
  'domain/run/decide',
  'domain/run/escalations',
  'domain/run/evolve',
  'domain/run/next-step',
  'domain/run/run-state',
  'domain/run/run-status',
  'workflows/current-details',
];

/**
 * Modules that all runs of a worker share, for Temporal's `preloadModules`; each run has the rest of the bundle for
 * itself. The curve and its table of multiples alone cost a run 0.5 MiB and some 25 ms of a processor; shared, a worker pays
 * for them once. Only pure code is allowed here: every run sees the state of a shared module, which may hold nothing but
 * what follows from its arguments alone, such as the tables of keys. The modules are ours, since the
 * bundler drops an import of a package that says it has no side effects.
 */
export const sharedModules = (): readonly string[] =>
  PURE.map((name) => fileURLToPath(new URL(`../${name}${extname(import.meta.url)}`, import.meta.url)));

/** The bundle that `npm run build` makes of our workflows, beside this module once built and under another name. */
export const BUNDLE_PATH = fileURLToPath(new URL('../prebuilt-workflows.js', import.meta.url));
/** The version of the SDK that made it: a bundle fits that version alone. */
export const BUNDLE_VERSION_PATH = `${BUNDLE_PATH}.version`;

/** The version of `@temporalio/worker` that this process runs. */
export const workerVersion = (): string =>
  (createRequire(import.meta.url)('@temporalio/worker/package.json') as { version: string }).version;

/**
 * The prebuilt bundle, some four times quicker to load than to build.
 * @returns undefined in the source tree, and where another SDK is installed: then the worker builds its own
 */
export function prebuiltBundle(): { readonly codePath: string } | undefined {
  const fits = existsSync(BUNDLE_VERSION_PATH) && readFileSync(BUNDLE_VERSION_PATH, 'utf8') === workerVersion();
  return fits && existsSync(BUNDLE_PATH) ? { codePath: BUNDLE_PATH } : undefined;
}
