import { realpath } from 'node:fs/promises';
import { readOnlyGitEnv } from '../adapters/git/environments.js';
import { gitIn } from '../adapters/git/run-git.js';
import type { Variables } from './environment.js';

/** The repository's own hooks and monitors are not started. */
const SETTINGS = ['core.fsmonitor=false', 'core.hooksPath=/dev/null'];

/**
 * The version that git gives to a pack: the tag at the commit that is checked out, when the folder is the top of a
 * repository of its own, all the pack's files are tracked, and nothing in it differs from that commit. Null otherwise:
 * the tag of a project that merely contains a pack is the project's, and says nothing about the pack.
 */
export async function packTag(folder: string, paths: readonly string[], variables: Variables): Promise<string | null> {
  const place = gitIn({ cwd: folder, env: readOnlyGitEnv(variables) }, SETTINGS);
  const git = async (...args: readonly string[]): Promise<string | null> => {
    // A pack needs no git: without it, the pack has no tag.
    const asked = await place.ask(args).catch(() => null);
    return asked?.exitCode === 0 ? asked.stdout.toString('utf8').replace(/\n$/, '') : null;
  };
  const top = await git('rev-parse', '--show-toplevel');
  if (top === null || (await realpath(top).catch(() => null)) !== (await realpath(folder))) return null;
  const status = await git('status', '--porcelain', '--untracked-files=all');
  if (status !== '') return null;
  if ((await git('ls-files', '--error-unmatch', '--', ...paths)) === null) return null;
  const tag = await git('describe', '--tags', '--exact-match', 'HEAD');
  return tag === null || tag === '' ? null : tag;
}
