import { mkdir, mkdtemp, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type LocalRepository, openLocalRepository } from '../../adapters/workspace-git/repository-location.js';
import { type GitOutput, requireGit, runGit } from '../../adapters/workspace-git/run-git.js';
import { PromptOsError } from '../../contracts/errors.js';

/** What git makes of two commits. */
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

export interface AuditCall {
  readonly input?: Uint8Array | string;
  /** Added to the environment. */
  readonly env?: Readonly<Record<string, string>>;
}

/** A user's repository, read by an audit: nothing in it is written, and no replacement of an object or graft is believed. */
export interface AuditRepository {
  /** The top of the working tree, or a bare repository's own folder. */
  readonly path: string;
  readonly bare: boolean;
  /** Whatever the exit code. @throws PromptOsError GIT_NOT_FOUND */
  ask(args: readonly string[], call?: AuditCall): Promise<GitOutput>;
  /** Standard output, byte for byte. @throws PromptOsError GIT_FAILED, GIT_NOT_FOUND */
  bytes(args: readonly string[], call?: AuditCall): Promise<Buffer>;
  /** Standard output as text, its last newline taken off. @throws PromptOsError GIT_FAILED, GIT_NOT_FOUND */
  text(args: readonly string[], call?: AuditCall): Promise<string>;
  /** Runs `work` with variables that give git an index and an object folder of its own; both are removed after. */
  withScratch<T>(work: (env: Readonly<Record<string, string>>) => Promise<T>): Promise<T>;
}

/** Git of a person who only looks. What the caller's variables say of another repository is left out. */
const lookingGit = (variables: Readonly<Record<string, string | undefined>>): Record<string, string> => ({
  ...Object.fromEntries(
    Object.entries(variables).filter(
      (entry): entry is [string, string] => entry[1] !== undefined && !entry[0].startsWith('GIT_'),
    ),
  ),
  LC_ALL: 'C',
  GIT_OPTIONAL_LOCKS: '0',
  GIT_TERMINAL_PROMPT: '0',
  GIT_LITERAL_PATHSPECS: '1',
  GIT_NO_REPLACE_OBJECTS: '1',
  GIT_GRAFT_FILE: '/dev/null',
});

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
  const own = lookingGit(variables);
  const repository = await openLocalRepository(directory, own);
  const cwd = repository.top ?? repository.gitDir;
  const call = (args: readonly string[], { input, env }: AuditCall = {}) => ({
    args: [...SETTINGS.flatMap((setting) => ['-c', setting]), ...args],
    cwd,
    env: { ...own, ...env },
    ...(input === undefined ? {} : { input }),
  });
  const bytes: AuditRepository['bytes'] = (args, more) => requireGit(call(args, more));
  return {
    path: cwd,
    bare: repository.top === null,
    ask: (args, more) => runGit(call(args, more)),
    bytes,
    text: async (args, more) => (await bytes(args, more)).toString('utf8').replace(/\n$/, ''),
    withScratch: (work) => withScratch(repository, work),
  };
}

async function withScratch<T>(
  { commonDir }: LocalRepository,
  work: (env: Readonly<Record<string, string>>) => Promise<T>,
): Promise<T> {
  const folder = await mkdtemp(join(tmpdir(), 'promptos-audit-'));
  try {
    const objects = join(folder, 'objects');
    await mkdir(join(objects, 'info'), { recursive: true });
    await writeFile(join(objects, 'info', 'alternates'), `${join(commonDir, 'objects')}\n`);
    return await work({ GIT_INDEX_FILE: join(folder, 'index'), GIT_OBJECT_DIRECTORY: objects });
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

/** The full id of the commit that a revision stands for, or null. */
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
