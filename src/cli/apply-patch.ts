import { lstat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Variables } from '../adapters/git/environments.js';
import { pathText, readRawDiff } from '../adapters/git/read-diff.js';
import type { Git } from '../adapters/git/run-git.js';
import { applyToIndex, withScratchIndex } from '../adapters/git/scratch-index.js';
import { PromptOsError } from '../contracts/errors.js';
import { answerOf, applyTarget, type Target, updateTarget } from './apply-target.js';
import type { Committer } from './audit/committer.js';
import { shellWord } from './shell-word.js';

export interface ApplyPatchInput {
  /** A folder inside the repository. */
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
  const place = { parent: tmpdir(), prefix: 'promptos-apply', objects: null };
  return withScratchIndex(place, async ({ variables: env }) => {
    const changes = await patchChanges(git, input, env);
    await checkNotMoved(git, input.baseCommit, target, changes);
    if (target.worktree !== null) await checkClean(git, target.worktree, changes);
    const identity = input.committerName === undefined ? {} : { GIT_COMMITTER_NAME: input.committerName };
    const committer = await readCommitter(git, identity);
    await input.beforeCommit(committer);
    await git.text(['read-tree', target.commit], { env });
    const entries = changes.map(
      ({ path, newMode, blob }) => `${newMode === '000000' ? '0' : newMode} ${blob}\t${path}\0`,
    );
    await git.text(['update-index', '-z', '--index-info'], { env, input: entries.join('') });
    const tree = await git.text(['write-tree'], { env });
    const sign = (await answerOf(git, 'config', '--type=bool', 'commit.gpgSign')) === 'true' ? ['-S'] : [];
    const commit = await git.text(['commit-tree', ...sign, tree, '-p', target.commit, '-F', '-'], {
      input: input.message,
      env: identity,
    });
    await updateTarget(git, target, commit);
    return { commit, branch: target.branch, committer, files: changes.map(({ path }) => path) };
  });
}

/** Whom git names as the committer of the next commit. @throws PromptOsError GIT_FAILED when git knows no identity */
async function readCommitter(git: Git, env: Readonly<Record<string, string>>): Promise<Committer> {
  const ident = await git.text(['var', 'GIT_COMMITTER_IDENT'], { env });
  const [, name = ident, email = ''] = /^(.*) <(.*)> \d+ [+-]\d{4}$/.exec(ident) ?? [];
  return { name, email };
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
