import { realpath } from 'node:fs/promises';
import { execa } from 'execa';
import type { Variables } from './environment.js';

/** Says where a repository is to be found instead of where we look; set inside git hooks, for instance. */
const isGitLocation = (name: string): boolean =>
  /^GIT_(DIR|WORK_TREE|INDEX_FILE|OBJECT_DIRECTORY|ALTERNATE_OBJECT_DIRECTORIES|COMMON_DIR|PREFIX|NAMESPACE)$/.test(
    name,
  );

/** What git printed, or null when it failed or is not there. The repository's own hooks and monitors stay unused. */
async function askGit(folder: string, variables: Variables, args: readonly string[]): Promise<string | null> {
  const env = Object.fromEntries(Object.entries(variables).filter(([name]) => !isGitLocation(name)));
  const result = await execa(
    'git',
    ['-c', 'core.fsmonitor=false', '-c', 'core.hooksPath=/dev/null', '-C', folder, ...args],
    { env: { ...env, GIT_OPTIONAL_LOCKS: '0', LC_ALL: 'C' }, extendEnv: false, reject: false, stdin: 'ignore' },
  );
  return result.failed ? null : result.stdout;
}

/**
 * The version that git gives to a pack: the tag at the commit that is checked out, when the folder is the top of a
 * repository of its own, all the pack's files are tracked, and nothing in it differs from that commit. Null otherwise:
 * the tag of a project that merely contains a pack is the project's, and says nothing about the pack.
 */
export async function packTag(folder: string, paths: readonly string[], variables: Variables): Promise<string | null> {
  const git = (...args: readonly string[]) => askGit(folder, variables, args);
  const top = await git('rev-parse', '--show-toplevel');
  if (top === null || (await realpath(top).catch(() => null)) !== (await realpath(folder))) return null;
  const status = await git('status', '--porcelain', '--untracked-files=all');
  if (status !== '') return null;
  if ((await git('ls-files', '--error-unmatch', '--', ...paths)) === null) return null;
  const tag = await git('describe', '--tags', '--exact-match', 'HEAD');
  return tag === null || tag === '' ? null : tag;
}
