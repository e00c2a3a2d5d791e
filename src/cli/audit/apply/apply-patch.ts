import { lstat, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { userGitEnv, type Variables } from '../../../adapters/git/environments.js';
import { pathText, readRawDiff } from '../../../adapters/git/read-diff.js';
import { notOpened } from '../../../adapters/git/repository.js';
import { type Git, gitIn, gitWords } from '../../../adapters/git/run-git.js';
import { applyToIndex, withScratchIndex } from '../../../adapters/git/scratch-index.js';
import { PromptOsError } from '../../../contracts/errors.js';
import { shellWord } from '../../app/printable.js';
import { withoutBreak } from '../../app/stop-signals.js';
import type { Committer } from '../commits/committer.js';

export interface ApplyPatchInput {
  readonly directory: string;
  readonly environment: Variables;
  readonly baseCommit: string;
  readonly patch: Uint8Array;
  /** Where the commit goes; the checked-out branch when absent. Made at HEAD when it does not exist. */
  readonly branch?: string;
  readonly message: string;
  /** Instead of the name that git knows; the address stays git's. */
  readonly committerName?: string;
  /** Is called with whom git will name as the committer, before anything is committed; a throw stops it. */
  readonly beforeCommit: (committer: Committer, place: CommitPlace) => Promise<void>;
  /** Is called when the branch has the commit. */
  readonly report: (applied: AppliedPatch) => void;
}

/** Where a commit will go. */
export interface CommitPlace {
  /** Null when HEAD is detached. */
  readonly branch: string | null;
  readonly parent: string;
}

interface AppliedPatch {
  readonly commit: string;
  /** Null when HEAD is detached. */
  readonly branch: string | null;
  readonly committer: Committer;
  readonly files: readonly string[];
}

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
export async function applyPatch(input: ApplyPatchInput): Promise<void> {
  const { git, target } = await applyTarget(input);
  await checkBase(git, input.baseCommit);
  const place = { parent: tmpdir(), prefix: 'promptos-apply', objects: null };
  return withScratchIndex(place, async ({ variables: env }) => {
    const changes = await patchChanges(git, input, env);
    await checkNotMoved(git, input.baseCommit, target, changes);
    if (target.worktree !== null) await checkClean(git, target.worktree, changes);
    const identity = input.committerName === undefined ? {} : { GIT_COMMITTER_NAME: input.committerName };
    await readIdentity(git, 'author', identity);
    const committer = await readIdentity(git, 'committer', identity);
    await input.beforeCommit(committer, { branch: target.branch, parent: target.commit });
    await git.text(['read-tree', target.commit], { env });
    const entries = changes.map(
      ({ path, newMode, blob }) => `${newMode === '000000' ? '0' : newMode} ${blob}\t${path}\0`,
    );
    await git.text(['update-index', '-z', '--index-info'], { env, input: entries.join('') });
    const tree = await git.text(['write-tree'], { env });
    const sign = (await isSigningAsked(git)) ? ['-S'] : [];
    const commit = await git.text(['commit-tree', ...sign, tree, '-p', target.commit, '-F', '-'], {
      input: input.message,
      env: identity,
    });
    const applied = { commit, branch: target.branch, committer, files: changes.map(({ path }) => path) };
    const report = (): void => input.report(applied);
    // Git ended half-way would leave some of the files changed, which the next call refuses.
    await withoutBreak(() => updateTarget(git.with({ terminal: false }), target, commit), report);
    report();
  });
}

/** Whom git names in the next commit. @throws PromptOsError GIT_FAILED when git knows no identity */
async function readIdentity(
  git: Git,
  who: 'author' | 'committer',
  env: Readonly<Record<string, string>>,
): Promise<Committer> {
  const { exitCode, stdout, stderr } = await git.ask(['var', `GIT_${who.toUpperCase()}_IDENT`], { env });
  if (exitCode !== 0) {
    const why = stderr.split('\n').findLast((line) => line !== '') ?? '';
    throw new PromptOsError('GIT_FAILED', `Git knows no identity for the ${who} of the commit: ${gitWords(why)}.`, {
      hint: 'Set both: `git config --global user.name NAME` and `git config --global user.email ADDRESS`.',
    });
  }
  const ident = stdout.toString('utf8').replace(/\n$/, '');
  const [, name = ident, email = ''] = /^(.*) <(.*)> \d+ [+-]\d{4}$/.exec(ident) ?? [];
  return { name, email };
}

/** Whether the person's configuration has commits signed. @throws PromptOsError GIT_FAILED for a value that is no boolean */
async function isSigningAsked(git: Git): Promise<boolean> {
  const question = ['config', '--type=bool', '--default=false', 'commit.gpgSign'];
  return (await git.text(question)) === 'true';
}

async function checkBase(git: Git, baseCommit: string): Promise<void> {
  const { exitCode } = await git.ask(['cat-file', '-e', `${baseCommit}^{commit}`]);
  if (exitCode === 0) return;
  const hint = 'Fetch it, or name the repository of the run with --repo.';
  throw new PromptOsError('BASE_NOT_FOUND', `The repository does not have the run's base commit ${baseCommit}.`, {
    hint,
  });
}

async function patchChanges(
  git: Git,
  { baseCommit, patch }: ApplyPatchInput,
  env: Readonly<Record<string, string>>,
): Promise<readonly Change[]> {
  await git.text(['read-tree', baseCommit], { env });
  const scratch = git.with({ env });
  const refused = await applyToIndex(scratch, patch, 'check');
  if (refused !== null) {
    throw new PromptOsError('PATCH_NOT_APPLICABLE', `The patch does not apply to its own base commit: ${refused}.`);
  }
  const failed = await applyToIndex(scratch, patch, 'apply');
  // The patch applies, so the repository cannot be written.
  if (failed !== null) throw new PromptOsError('GIT_FAILED', `git apply failed: ${failed}.`);
  const tree = await git.text(['write-tree'], { env });
  return differences(git, baseCommit, tree);
}

async function differences(git: Git, from: string, to: string): Promise<readonly Change[]> {
  const raw = await git.bytes(['diff-tree', '-r', '-z', '--raw', '--no-renames', '--full-index', from, to]);
  return readRawDiff(raw).map(({ path, oldMode, mode, blob }) => ({
    ...{ path: pathText(path), oldMode, newMode: mode, blob },
  }));
}

async function checkNotMoved(git: Git, baseCommit: string, target: Target, changes: readonly Change[]): Promise<void> {
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

async function checkClean(git: Git, worktree: string, changes: readonly Change[]): Promise<void> {
  const paths = changes.map(({ path }) => path);
  const status = await git.text(
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

interface Target {
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

interface ApplyTargetInput {
  readonly directory: string;
  readonly environment: Variables;
  readonly branch?: string;
}

/**
 * Finds the repository around a folder, and the branch in it.
 * @returns git, called at the top of the repository
 * @throws PromptOsError REPO_NOT_FOUND, REPO_NOT_GIT, REPO_EMPTY, REPO_DIRTY when another worktree has the branch, USAGE
 */
async function applyTarget({
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
const answerOf = async (git: Git, ...args: readonly string[]): Promise<string> =>
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

/** @throws PromptOsError GIT_FAILED, as when another command changed the branch or the files meanwhile */
async function updateTarget(git: Git, target: Target, commit: string): Promise<void> {
  const expected = target.tip ?? '0'.repeat(commit.length);
  const update =
    target.worktree === null
      ? ['update-ref', '-m', 'promptos apply', `refs/heads/${target.branch}`, commit, expected]
      : ['merge', '--ff-only', '--quiet', '--no-stat', '--no-autostash', '--no-verify-signatures', commit];
  await git.text(update).catch((error: unknown) => {
    if (!(error instanceof PromptOsError) || error.code !== 'GIT_FAILED') throw error;
    const hint = 'Give the command again: another one may have changed the branch meanwhile.';
    throw new PromptOsError('GIT_FAILED', error.summary, { hint, cause: error });
  });
}
