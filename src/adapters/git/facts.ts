import { basename } from 'node:path';
import { readOnlyGitEnv, type Variables } from './environments.js';
import { gitIn } from './run-git.js';

/** The oldest git that has everything that checkouts and patches are made with. */
export const OLDEST_GIT = '2.31';

/** A folder in or at a repository, and the variables of the process that asks. */
export interface AskedFolder {
  readonly folder: string;
  readonly env: Variables;
}

/** What git prints, without the last newline; null when it ends with an error, which for a question means "no". */
async function askGit({ folder, env }: AskedFolder, ...args: readonly string[]): Promise<string | null> {
  const { exitCode, stdout } = await gitIn({ cwd: folder, env: readOnlyGitEnv(env) }).ask(args);
  return exitCode === 0 ? stdout.toString('utf8').replace(/\n$/, '') : null;
}

/** The version of git such as `2.39.5`. @throws PromptOsError GIT_NOT_FOUND; GIT_FAILED for a broken configuration */
export const gitVersion = async ({ folder, env }: AskedFolder): Promise<string> => {
  const printed = await gitIn({ cwd: folder, env: readOnlyGitEnv(env) }).text(['--version']);
  return /(\d+\.\d+(?:\.\d+)*)/.exec(printed)?.[1] ?? 'unknown';
};

/** A value of git's configuration as it holds in a folder, or null. */
export const gitConfigValue = async (asked: AskedFolder, key: string): Promise<string | null> =>
  (await askGit(asked, 'config', '--get', key))?.trim() || null;

/** The URL of the remote `origin`, or null. It is read of another user's repository as well, since that starts nothing. */
export const remoteUrl = async (asked: AskedFolder): Promise<string | null> =>
  (await askGit(asked, '-c', 'safe.directory=*', 'config', '--get', 'remote.origin.url'))?.trim() || null;

/** Whether the index has a file; one that a sparse checkout leaves out counts. */
export const isTracked = async (asked: AskedFolder, path: string): Promise<boolean> =>
  (await askGit(asked, 'ls-files', '--error-unmatch', '--', path)) !== null;

/** Whether HEAD is a commit: a new repository has none. */
export const hasCommit = async (asked: AskedFolder): Promise<boolean> =>
  (await askGit(asked, 'rev-parse', '--verify', '--quiet', 'HEAD^{commit}')) !== null;

/** Whether git would leave a path of the repository out of `git add`. */
export const isGitIgnored = async (asked: AskedFolder, path: string): Promise<boolean> =>
  (await askGit(asked, 'check-ignore', '--quiet', '--', path)) !== null;

/**
 * Whether a commit is on a remote branch that is known here.
 * @returns null when it is; else the branch that is checked out, which may have it
 */
export async function unpushedCommit(
  asked: AskedFolder,
  commit = 'HEAD',
): Promise<{ commit: string; branch: string } | null> {
  const found = (await askGit(asked, 'rev-parse', '--verify', '--quiet', `${commit}^{commit}`))?.trim();
  if (found === undefined) return null;
  const containing = await askGit(asked, 'for-each-ref', '--count=1', '--contains', found, 'refs/remotes');
  if (containing !== '') return null;
  const branch = (await askGit(asked, 'symbolic-ref', '--quiet', '--short', 'HEAD'))?.trim() ?? 'HEAD';
  return { commit: found, branch };
}

/** What a repository is called: the last segment of its remote's URL, or its top folder's name. */
export async function repositoryName(asked: AskedFolder): Promise<string> {
  const url = await remoteUrl(asked);
  const name = url
    ?.replace(/\/+$/, '')
    .split(/[/:\\]/)
    .at(-1)
    ?.replace(/\.git$/, '');
  return name || basename(asked.folder);
}
