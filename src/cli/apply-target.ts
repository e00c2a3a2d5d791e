import { stat } from 'node:fs/promises';
import { userGitEnv, type Variables } from '../adapters/git/environments.js';
import { notOpened } from '../adapters/git/repository.js';
import { type Git, gitIn } from '../adapters/git/run-git.js';
import { PromptOsError } from '../contracts/errors.js';

/** Where a commit is to go. */
export interface Target {
  /** Null when HEAD is detached and no branch was named. */
  readonly branch: string | null;
  /** What `commit` is the head of, for messages: the branch, or where a new branch starts. */
  readonly name: string;
  /** The commit that the new one goes on top of. */
  readonly commit: string;
  /** What `refs/heads/<branch>` is now: null when the branch is new. */
  readonly tip: string | null;
  /** The folder whose files follow the commit, or null when the target is not checked out. */
  readonly worktree: string | null;
}

export interface ApplyTargetInput {
  readonly directory: string;
  readonly environment: Variables;
  readonly branch?: string;
}

/**
 * Finds the repository around a folder, and the branch in it.
 * @returns git, called at the top of the repository
 * @throws PromptOsError REPO_NOT_FOUND, REPO_NOT_GIT, REPO_EMPTY, REPO_DIRTY when another worktree has the branch, USAGE
 */
export async function applyTarget({
  directory,
  environment,
  branch,
}: ApplyTargetInput): Promise<{ readonly git: Git; readonly target: Target }> {
  const { git, top } = await openRepository(directory, environment);
  const head = await answerOf(git, 'rev-parse', '--verify', '--quiet', 'HEAD^{commit}');
  if (head === '') throw new PromptOsError('REPO_EMPTY', `The repository at ${directory} has no commit at HEAD.`);
  const current = await answerOf(git, 'symbolic-ref', '--quiet', '--short', 'HEAD');
  if (branch === undefined || branch === current) {
    if (top === null)
      throw new PromptOsError('USAGE', `${directory} is a bare repository: name a branch with --branch.`);
    return {
      git,
      target: { branch: current || null, name: current || 'HEAD', commit: head, tip: head, worktree: top },
    };
  }
  if ((await git.ask(['check-ref-format', `refs/heads/${branch}`])).exitCode !== 0 || branch.startsWith('-')) {
    throw new PromptOsError('USAGE', `Expected the name of a branch, received ${JSON.stringify(branch)}.`);
  }
  const tip = await answerOf(git, 'rev-parse', '--verify', '--quiet', `refs/heads/${branch}^{commit}`);
  const worktrees = (await git.text(['worktree', 'list', '--porcelain'])).split('\n');
  if (worktrees.includes(`branch refs/heads/${branch}`)) {
    const hint = 'Run the command there, or name another branch.';
    throw new PromptOsError('REPO_DIRTY', `Branch ${branch} is checked out in another worktree.`, { hint });
  }
  return {
    git,
    target: { branch, name: tip ? branch : current || 'HEAD', commit: tip || head, tip: tip || null, worktree: null },
  };
}

/** Git in a person's name, which may ask for a passphrase; without hooks, since they may change what is committed. */
const userGit = (directory: string, environment: Variables): Git =>
  gitIn({ cwd: directory, env: userGitEnv(environment), terminal: true }, [
    'core.hooksPath=/dev/null',
    'core.quotePath=false',
  ]);

/** What git prints, without white space at the ends; empty when it ends with an error. */
export const answerOf = async (git: Git, ...args: readonly string[]): Promise<string> =>
  (await git.ask(args)).stdout.toString('utf8').trim();

async function openRepository(
  directory: string,
  environment: ApplyTargetInput['environment'],
): Promise<{ readonly git: Git; readonly top: string | null }> {
  if (!(await stat(directory).catch(() => null))?.isDirectory()) {
    throw new PromptOsError('REPO_NOT_FOUND', `There is no folder ${directory}.`);
  }
  const here = userGit(directory, environment);
  const bare = await here.ask(['rev-parse', '--is-bare-repository']);
  if (bare.exitCode !== 0) {
    throw notOpened(directory, bare.stderr);
  }
  if (bare.stdout.toString('utf8').trim() === 'true') return { git: here, top: null };
  const top = await here.text(['rev-parse', '--show-toplevel']);
  return { git: here.with({ cwd: top }), top };
}

/** Moves the target to its new commit, with its files when it is checked out. */
export async function updateTarget(git: Git, target: Target, commit: string): Promise<void> {
  if (target.worktree !== null) {
    await git.text(['merge', '--ff-only', '--quiet', '--no-stat', '--no-autostash', '--no-verify-signatures', commit]);
    return;
  }
  const expected = target.tip ?? '0'.repeat(commit.length);
  await git.text(['update-ref', '-m', 'promptos apply', `refs/heads/${target.branch}`, commit, expected]);
}
