import { PromptOsError } from '../../contracts/errors.js';
import { COMMIT_PATTERN } from '../../contracts/names.js';
import type { GitEnvironment } from '../git/environments.js';
import type { LocalRepository, RemoteRepository } from '../git/repository.js';
import { runGit } from '../git/run-git.js';
import { baseNotFound, fetchFailed, mirrorWithCommit, resolveInFullMirror } from './mirror.js';

/**
 * The commit that a revision stands for in a repository on this machine, read there and then.
 * @throws PromptOsError REPO_EMPTY, BASE_NOT_FOUND
 */
export async function resolveLocalRevision(
  name: string,
  { path }: Pick<LocalRepository, 'path'>,
  revision: string,
  env: Readonly<Record<string, string>>,
): Promise<string> {
  const git = (...args: string[]) => runGit({ args, cwd: path, env });
  // A revision that begins with a hyphen would be an option.
  if (revision !== '' && !revision.startsWith('-') && !revision.includes('\0')) {
    const found = await git('rev-parse', '--verify', '--quiet', `${revision}^{commit}`);
    if (found.exitCode === 0) return found.stdout.toString('latin1').trim();
  }
  const any = await git('rev-list', '--all', '--max-count=1');
  const head = await git('rev-parse', '--verify', '--quiet', 'HEAD^{commit}');
  if (any.stdout.length === 0 && head.exitCode !== 0) {
    throw new PromptOsError('REPO_EMPTY', `The repository "${name}" has no commits.`);
  }
  throw baseNotFound({ name }, revision);
}

/** What is needed to reach a repository by its clone URL. */
export interface RemoteInput {
  readonly stateDir: string;
  readonly name: string;
  readonly location: RemoteRepository;
  readonly environment: GitEnvironment;
}

/**
 * The commit that a revision stands for at a clone URL: a full id, a branch, a tag or HEAD is asked for; anything else,
 * such as `main~2`, is read from a fetch of all branches and tags.
 * @throws PromptOsError REPO_EMPTY, BASE_NOT_FOUND, REPO_FETCH_FAILED
 */
export async function resolveRemoteRevision(input: RemoteInput, revision: string): Promise<string> {
  const { name, location, environment } = input;
  if (revision === '' || revision.startsWith('-') || revision.includes('\0')) throw baseNotFound({ name }, revision);
  if (COMMIT_PATTERN.test(revision)) {
    await mirrorWithCommit({ ...input, objectFormat: revision.length === 64 ? 'sha256' : 'sha1' }, revision);
    return revision;
  }
  const listed = await runGit({
    args: ['ls-remote', '--quiet', location.url],
    cwd: environment.local.HOME ?? '/',
    env: environment.remote,
  });
  if (listed.exitCode !== 0) throw fetchFailed({ name }, listed.stderr);
  const refs = new Map<string, string>();
  for (const line of listed.stdout.toString('utf8').split('\n')) {
    const [commit, ref] = line.split('\t');
    if (commit !== undefined && ref !== undefined) refs.set(ref, commit);
  }
  if (refs.size === 0) throw new PromptOsError('REPO_EMPTY', `The repository "${name}" has no commits.`);
  // The order in which git itself takes names apart (gitrevisions(7)); a tag's own commit is listed with "^{}".
  const places = [revision, `refs/${revision}`, `refs/tags/${revision}`, `refs/heads/${revision}`];
  for (const place of places) {
    const commit = refs.get(`${place}^{}`) ?? refs.get(place);
    if (commit !== undefined) return commit;
  }
  const objectFormat = [...refs.values()][0]?.length === 64 ? 'sha256' : 'sha1';
  return resolveInFullMirror({ ...input, objectFormat }, revision);
}
