import { lstat, mkdtemp, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { notOpened } from '../../adapters/workspace-git/repository-location.js';
import { PromptOsError } from '../../contracts/errors.js';
import { shellWord } from '../app/printable.js';
import type { Committer } from './committer.js';
import { type LocalGit, localGit } from './local-git.js';

export interface ApplyPatchInput {
  /** A folder inside the repository. */
  readonly directory: string;
  readonly environment: Readonly<Record<string, string | undefined>>;
  readonly baseCommit: string;
  readonly patch: Uint8Array;
  /** Where the commit goes; the checked-out branch when absent. Made at HEAD when it does not exist. */
  readonly branch?: string;
  readonly message: string;
  /** Instead of the name that git knows; the address stays git's. */
  readonly committerName?: string;
  /** Is called with whom git will name as the committer, before anything is committed; a throw stops it. */
  readonly beforeCommit: (committer: Committer) => Promise<void>;
}

export interface AppliedPatch {
  readonly commit: string;
  /** Null when HEAD is detached. */
  readonly branch: string | null;
  readonly committer: Committer;
  readonly files: readonly string[];
}

/** One path that the patch changes, as git's raw difference has it. */
interface Change {
  readonly path: string;
  readonly oldMode: string;
  readonly newMode: string;
  readonly blob: string;
}

/**
 * Commits a patch on top of a branch whose versions of the patch's files are those of the base commit. The files of the
 * new commit are byte for byte those of base plus patch; nothing is merged, and no hook runs.
 * @throws PromptOsError REPO_NOT_FOUND, REPO_NOT_GIT, REPO_EMPTY, REPO_DIRTY, BASE_NOT_FOUND, PATCH_NOT_APPLICABLE, USAGE, GIT_FAILED
 */
export async function applyPatch(input: ApplyPatchInput): Promise<AppliedPatch> {
  const { git, target } = await applyTarget(input);
  await checkBase(git, input.baseCommit);
  const scratch = await mkdtemp(join(tmpdir(), 'promptos-apply-'));
  const env = { GIT_INDEX_FILE: join(scratch, 'index') };
  try {
    const changes = await patchChanges(git, input, env);
    await checkNotMoved(git, input.baseCommit, target, changes);
    if (target.worktree !== null) await checkClean(git, target.worktree, changes);
    const identity = input.committerName === undefined ? {} : { GIT_COMMITTER_NAME: input.committerName };
    const committer = await readCommitter(git, identity);
    await input.beforeCommit(committer);
    await git.run(['read-tree', target.commit], { env });
    const entries = changes.map(
      ({ path, newMode, blob }) => `${newMode === '000000' ? '0' : newMode} ${blob}\t${path}\0`,
    );
    await git.run(['update-index', '-z', '--index-info'], { env, input: entries.join('') });
    const tree = await git.run(['write-tree'], { env });
    const sign = (await git.ask(['config', '--type=bool', 'commit.gpgSign'])).stdout.trim() === 'true' ? ['-S'] : [];
    const commit = await git.run(['commit-tree', ...sign, tree, '-p', target.commit, '-F', '-'], {
      input: input.message,
      env: identity,
    });
    await updateTarget(git, target, commit);
    return { commit, branch: target.branch, committer, files: changes.map(({ path }) => path) };
  } finally {
    await rm(scratch, { recursive: true, force: true });
  }
}

/** Whom git names as the committer of the next commit. @throws PromptOsError GIT_FAILED when git knows no identity */
async function readCommitter(git: LocalGit, env: Readonly<Record<string, string>>): Promise<Committer> {
  const ident = await git.run(['var', 'GIT_COMMITTER_IDENT'], { env });
  const [, name = ident, email = ''] = /^(.*) <(.*)> \d+ [+-]\d{4}$/.exec(ident) ?? [];
  return { name, email };
}

async function checkBase(git: LocalGit, baseCommit: string): Promise<void> {
  const { exitCode } = await git.ask(['cat-file', '-e', `${baseCommit}^{commit}`]);
  if (exitCode === 0) return;
  const hint = 'Fetch it, or name the repository of the run with --repo.';
  throw new PromptOsError('BASE_NOT_FOUND', `The repository does not have the run's base commit ${baseCommit}.`, {
    hint,
  });
}

async function patchChanges(
  git: LocalGit,
  { baseCommit, patch }: ApplyPatchInput,
  env: Readonly<Record<string, string>>,
): Promise<readonly Change[]> {
  await git.run(['read-tree', baseCommit], { env });
  const apply = ['apply', '--cached', '--whitespace=nowarn'];
  const fits = await git.ask([...apply, '--check', '-'], { env, input: patch });
  if (fits.exitCode !== 0) {
    throw new PromptOsError(
      'PATCH_NOT_APPLICABLE',
      `The patch does not apply to its own base commit: ${fits.stderr.trim()}.`,
    );
  }
  // What fails now is not the patch, but a repository that cannot be written.
  await git.run([...apply, '-'], { env, input: patch });
  const tree = await git.run(['write-tree'], { env });
  return differences(git, baseCommit, tree);
}

async function differences(git: LocalGit, from: string, to: string): Promise<readonly Change[]> {
  const fields = (await git.run(['diff-tree', '-r', '-z', '--raw', '--no-renames', '--full-index', from, to])).split(
    '\0',
  );
  const changes: Change[] = [];
  for (let index = 0; index + 1 < fields.length; index += 2) {
    const [oldMode, newMode, , blob] = (fields[index] as string).slice(1).split(' ') as [
      string,
      string,
      string,
      string,
    ];
    changes.push({ path: fields[index + 1] as string, oldMode, newMode, blob });
  }
  return changes;
}

async function checkNotMoved(
  git: LocalGit,
  baseCommit: string,
  target: Target,
  changes: readonly Change[],
): Promise<void> {
  const since = await differences(git, baseCommit, target.commit);
  const touches = (one: string, other: string): boolean =>
    one === other || one.startsWith(`${other}/`) || other.startsWith(`${one}/`);
  const moved = changes.filter(({ path }) => since.some((other) => touches(path, other.path)));
  if (moved.length === 0) return;
  const there = changes.every((change) =>
    since.some(({ path, newMode, blob }) => path === change.path && newMode === change.newMode && blob === change.blob),
  );
  if (there) {
    throw new PromptOsError(
      'PATCH_NOT_APPLICABLE',
      `${target.name} holds the change of the run already.`,
      alreadyThere(baseCommit, target),
    );
  }
  throw new PromptOsError(
    'PATCH_NOT_APPLICABLE',
    `${target.name} has changed since the run's base commit in: ${named(moved.map(({ path }) => path))}.`,
  );
}

/** What to do about a change that is there: on a branch that does not exist, nothing is. */
function alreadyThere(baseCommit: string, { branch, name, tip }: Target): { readonly hint: string } {
  if (tip !== null) return { hint: 'There is nothing left to apply.' };
  const start = `git branch ${shellWord(branch ?? '')} ${baseCommit.slice(0, 12)}`;
  return {
    hint: `Branch ${branch} does not exist and would start at ${name}, so it was not made. To have the change on a branch of its own, start it at the run's base commit (${start}) and apply again.`,
  };
}

async function checkClean(git: LocalGit, worktree: string, changes: readonly Change[]): Promise<void> {
  const paths = changes.map(({ path }) => path);
  const status = await git.run(
    ['status', '--porcelain=v1', '-z', '--no-renames', '--untracked-files=all', '--', ...paths],
    {
      env: { GIT_LITERAL_PATHSPECS: '1' },
    },
  );
  const dirty = new Set(status.split('\0').flatMap((line) => (line === '' ? [] : [line.slice(3)])));
  // An ignored file does not show in the status, and would be overwritten all the same.
  for (const { path, oldMode } of changes) {
    if (oldMode === '000000' && (await lstat(join(worktree, path)).catch(() => null)) !== null) dirty.add(path);
  }
  if (dirty.size === 0) return;
  const hint = 'Commit, stash or remove them, or name another branch with --branch.';
  throw new PromptOsError('REPO_DIRTY', `These files of the patch are not clean: ${named([...dirty])}.`, { hint });
}

const named = (paths: readonly string[]): string =>
  paths.slice(0, 5).join(', ') + (paths.length > 5 ? ` and ${paths.length - 5} more` : '');

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
  readonly environment: Readonly<Record<string, string | undefined>>;
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
}: ApplyTargetInput): Promise<{ readonly git: LocalGit; readonly target: Target }> {
  const { git, top } = await openRepository(directory, environment);
  const head = (await git.ask(['rev-parse', '--verify', '--quiet', 'HEAD^{commit}'])).stdout.trim();
  if (head === '') throw new PromptOsError('REPO_EMPTY', `The repository at ${directory} has no commit at HEAD.`);
  const current = (await git.ask(['symbolic-ref', '--quiet', '--short', 'HEAD'])).stdout.trim();
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
  const tip = (await git.ask(['rev-parse', '--verify', '--quiet', `refs/heads/${branch}^{commit}`])).stdout.trim();
  const worktrees = (await git.run(['worktree', 'list', '--porcelain'])).split('\n');
  if (worktrees.includes(`branch refs/heads/${branch}`)) {
    const hint = 'Run the command there, or name another branch.';
    throw new PromptOsError('REPO_DIRTY', `Branch ${branch} is checked out in another worktree.`, { hint });
  }
  return {
    git,
    target: { branch, name: tip ? branch : current || 'HEAD', commit: tip || head, tip: tip || null, worktree: null },
  };
}

async function openRepository(
  directory: string,
  environment: ApplyTargetInput['environment'],
): Promise<{ readonly git: LocalGit; readonly top: string | null }> {
  if (!(await stat(directory).catch(() => null))?.isDirectory()) {
    throw new PromptOsError('REPO_NOT_FOUND', `There is no folder ${directory}.`);
  }
  const here = localGit(directory, environment);
  const bare = await here.ask(['rev-parse', '--is-bare-repository']);
  if (bare.exitCode !== 0) {
    throw notOpened(directory, bare.stderr);
  }
  if (bare.stdout.trim() === 'true') return { git: here, top: null };
  const top = await here.run(['rev-parse', '--show-toplevel']);
  return { git: localGit(top, environment), top };
}

/** Moves the target to its new commit, with its files when it is checked out. */
export async function updateTarget(git: LocalGit, target: Target, commit: string): Promise<void> {
  if (target.worktree !== null) {
    await git.run(['merge', '--ff-only', '--quiet', '--no-stat', '--no-autostash', '--no-verify-signatures', commit]);
    return;
  }
  const expected = target.tip ?? '0'.repeat(commit.length);
  await git.run(['update-ref', '-m', 'promptos apply', `refs/heads/${target.branch}`, commit, expected]);
}
