import { basename } from 'node:path';
import { execa } from 'execa';
import { PromptOsError } from '../contracts/errors.js';
import { systemCode } from '../contracts/system-code.js';

/** The oldest git that has everything that checkouts and patches are made with. */
export const OLDEST_GIT = '2.31';

/** What git prints, without the last newline; null when it ends with an error, which for a question means "no". */
async function askGit(args: readonly string[], folder: string): Promise<string | null> {
  try {
    const { exitCode, stdout } = await execa('git', args, {
      cwd: folder,
      reject: false,
      stdin: 'ignore',
      timeout: 10_000,
    });
    if (exitCode === undefined) throw new PromptOsError('GIT_NOT_FOUND', 'There is no git on PATH.');
    return exitCode === 0 ? stdout : null;
  } catch (error) {
    if (systemCode(error) === 'ENOENT')
      throw new PromptOsError('GIT_NOT_FOUND', 'There is no git on PATH.', { cause: error });
    throw error;
  }
}

/** The version of git such as `2.39.5`. @throws PromptOsError GIT_NOT_FOUND */
export const gitVersion = async (folder: string): Promise<string> =>
  /(\d+\.\d+(?:\.\d+)*)/.exec((await askGit(['--version'], folder)) ?? '')?.[1] ?? 'unknown';

/** A value of git's configuration as it holds in a folder, or null. */
export const gitConfigValue = async (folder: string, key: string): Promise<string | null> =>
  (await askGit(['config', '--get', key], folder))?.trim() || null;

/** The URL of the remote `origin`, or null. It is read of another user's repository as well, since that starts nothing. */
export const remoteUrl = async (top: string): Promise<string | null> =>
  (await askGit(['-c', 'safe.directory=*', 'config', '--get', 'remote.origin.url'], top))?.trim() || null;

/** Whether git would leave a path of the repository out of `git add`. */
export const isGitIgnored = async (repository: string, path: string): Promise<boolean> =>
  (await askGit(['check-ignore', '--quiet', '--', path], repository)) !== null;

/**
 * Whether a commit is on a remote branch that is known here.
 * @returns null when it is; else the branch that is checked out, which may have it
 */
export async function unpushedCommit(top: string, commit = 'HEAD'): Promise<{ commit: string; branch: string } | null> {
  const found = (await askGit(['rev-parse', '--verify', '--quiet', `${commit}^{commit}`], top))?.trim();
  if (found === undefined) return null;
  const containing = await askGit(['for-each-ref', '--count=1', '--contains', found, 'refs/remotes'], top);
  if (containing !== '') return null;
  const branch = (await askGit(['symbolic-ref', '--quiet', '--short', 'HEAD'], top))?.trim() ?? 'HEAD';
  return { commit: found, branch };
}

/** What a repository is called: the last segment of its remote's URL, or its top folder's name. */
export async function repositoryName(top: string): Promise<string> {
  const url = await remoteUrl(top);
  const name = url
    ?.replace(/\/+$/, '')
    .split(/[/:\\]/)
    .at(-1)
    ?.replace(/\.git$/, '');
  return name || basename(top);
}
