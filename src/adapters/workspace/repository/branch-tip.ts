import { PromptOsError } from '../../../contracts/errors.js';
import type { EngineGitEnv } from '../../git/environments.js';
import { pathText, readRawDiff } from '../../git/read-diff.js';
import { type Git, gitIn, gitWords } from '../../git/run-git.js';
import type { ProgramStarter } from '../../platform/program-starter.js';
import type { RepositoryLocation } from './mirror.js';

const COMMIT = /^([0-9a-f]{40}|[0-9a-f]{64})\t/;

/**
 * The commit that a branch of a repository is at now; null for a branch that it does not have.
 * @throws PromptOsError REPO_FETCH_FAILED
 */
export async function branchTip(
  location: RepositoryLocation,
  branch: string,
  { environment, programs, cwd }: { environment: EngineGitEnv; programs: ProgramStarter | undefined; cwd: string },
): Promise<string | null> {
  const [source, env] =
    location.kind === 'path' ? [location.gitDir, environment.local] : [location.url, environment.remote];
  const reference = `refs/heads/${branch}`;
  const { exitCode, stdout, stderr } = await gitIn({ cwd, env, programs }).ask(['ls-remote', '--', source, reference]);
  if (exitCode !== 0)
    throw new PromptOsError('REPO_FETCH_FAILED', `The branch could not be read: ${gitWords(stderr)}.`);
  // Git matches the ends of names too: `refs/heads/x/refs/heads/main`.
  const line = stdout
    .toString('utf8')
    .split('\n')
    .find((each) => each.endsWith(`\t${reference}`));
  return COMMIT.exec(line ?? '')?.[1] ?? null;
}

/** The files in which two commits of a mirror differ; of a rename both names. */
export async function differingFiles(
  { git }: { readonly git: Git },
  one: string,
  other: string,
): Promise<readonly string[]> {
  const raw = await git.bytes(['diff-tree', '-r', '-z', '--raw', '--no-renames', one, other]);
  return readRawDiff(raw).map(({ path }) => pathText(path));
}
