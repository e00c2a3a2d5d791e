import { stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { readOnlyGitEnv } from '../../../adapters/git/environments.js';
import { openLocalRepository } from '../../../adapters/git/repository.js';
import { type Git, gitIn } from '../../../adapters/git/run-git.js';
import { withScratchIndex } from '../../../adapters/git/scratch-index.js';
import { PromptOsError } from '../../../contracts/errors.js';

export interface MergedTrees {
  /** The tree, with conflict markers in the files that conflict. */
  readonly tree: string;
  readonly conflicts: readonly string[];
}

/** The default behaviour of git and of GitHub, whatever the user's settings say. */
const DEFAULTS = ['merge.renames=true', 'merge.directoryRenames=conflict', 'merge.renormalize=false'];

/**
 * Merges two commits in a scratch repository, as `git merge` does by default.
 * @returns null when git cannot: it is older than 2.38, or the commits have no common history
 */
export async function mergeTrees(
  repository: AuditRepository,
  one: string,
  other: string,
  env: Readonly<Record<string, string>>,
): Promise<MergedTrees | null> {
  const settings = DEFAULTS.flatMap((setting) => ['-c', setting]);
  const merging = ['merge-tree', '--write-tree', '--no-messages', '--name-only', '-z', one, other];
  const { exitCode, stdout } = await repository.ask([...settings, ...merging], { env });
  if (exitCode !== 0 && exitCode !== 1) return null;
  const [tree = '', ...conflicts] = stdout.toString('utf8').split('\0').filter(Boolean);
  // Exit code 1 without a conflicting file is a conflict that git reports in words only.
  return exitCode === 1 && conflicts.length === 0 ? null : { tree, conflicts: [...new Set(conflicts)] };
}

/** A user's repository, read by an audit: nothing in it is written, and no replacement of an object or graft is believed. */
export interface AuditRepository extends Git {
  /** The top of the working tree, or a bare repository's own folder. */
  readonly path: string;
  readonly bare: boolean;
  /** Runs `work` with variables that give git an index and an object folder of its own; both are removed after. */
  withScratch<T>(work: (env: Readonly<Record<string, string>>) => Promise<T>): Promise<T>;
}

/** An audit believes no replacement of an object or graft, and a path means one file. */
const RECORDED_OBJECTS = {
  GIT_LITERAL_PATHSPECS: '1',
  GIT_NO_REPLACE_OBJECTS: '1',
  GIT_GRAFT_FILE: '/dev/null',
};

/** Settings that would change what a difference looks like, or start a program. */
const SETTINGS = ['core.fsmonitor=false', 'core.quotePath=true', 'diff.suppressBlankEmpty=false'] as const;

/**
 * Opens the repository around a folder.
 * @throws PromptOsError REPO_NOT_FOUND, REPO_NOT_GIT, GIT_NOT_FOUND
 */
export async function openAuditRepository(
  directory: string,
  variables: Readonly<Record<string, string | undefined>>,
): Promise<AuditRepository> {
  if (!(await stat(directory).catch(() => null))?.isDirectory()) {
    throw new PromptOsError('REPO_NOT_FOUND', `There is no folder ${directory}.`);
  }
  const env = { ...readOnlyGitEnv(variables), ...RECORDED_OBJECTS };
  const { top, gitDir, commonDir } = await openLocalRepository(directory, env);
  const path = top ?? gitDir;
  const place = { parent: tmpdir(), prefix: 'promptos-audit', objects: [join(commonDir, 'objects')] };
  return {
    ...gitIn({ cwd: path, env }, SETTINGS),
    path,
    bare: top === null,
    withScratch: (work) => withScratchIndex(place, ({ variables: scratch }) => work(scratch)),
  };
}

/** The full id of the commit that a revision names, or null. */
export async function findCommit(repository: AuditRepository, revision: string): Promise<string | null> {
  // A revision that begins with a hyphen would be an option.
  if (revision === '' || revision.startsWith('-') || /[\0\n]/.test(revision)) return null;
  const { exitCode, stdout } = await repository.ask(['rev-parse', '--verify', '--quiet', `${revision}^{commit}`]);
  return exitCode === 0 ? stdout.toString('latin1').trim() : null;
}

/** @throws PromptOsError BASE_NOT_FOUND */
export async function requireCommit(repository: AuditRepository, revision: string): Promise<string> {
  const commit = await findCommit(repository, revision);
  if (commit !== null) return commit;
  throw new PromptOsError('BASE_NOT_FOUND', `The repository has no commit ${JSON.stringify(revision)}.`, {
    hint: 'Name a commit, branch or tag that the repository has; a shallow clone must be fetched whole.',
  });
}
