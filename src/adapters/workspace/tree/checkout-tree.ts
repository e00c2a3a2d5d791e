import { chmod, lstat, readdir, realpath } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import type { PatchFile } from '../../../contracts/record/patch.js';
import { pathText } from '../../git/read-diff.js';
import type { Git } from '../../git/run-git.js';
import type { BytePath } from './tree-survey.js';

/** A submodule of a commit: where it is, and the commit that is recorded of it. */
export interface Submodule {
  /** From the top of the repository, also for a submodule of a submodule. */
  readonly path: string;
  readonly commit: string;
}

export interface WrittenTree {
  /** The tree that was checked out, and the tree of the files now; null when they are the same. */
  readonly trees: readonly [before: string, now: string] | null;
  /** What git takes into no tree: nested repositories, and names that some system reads as `.git`. */
  readonly untrackable: readonly PatchFile[];
}

export interface WriteOptions {
  /** Paths that are taken in although they are ignored. */
  readonly named: readonly string[];
  /** Whether an untracked path, or a nested repository with a slash at its end, is no part of the work. */
  readonly leftOut: (path: BytePath) => boolean;
  /** Submodules of the tree that was checked out, as `git ls-files --stage` prints them. */
  readonly gitlinks: readonly string[];
  /** Whether a tracked file may have changed. */
  readonly changed: boolean;
}

const SUBMODULE_MODE = '160000';

/**
 * Writes the files of a checkout as a tree. Expects the index to hold the tree that was checked out; git reads the files
 * whose times the index does not have. Ignored files are left out, as the `.gitignore` files of the tree say. There must be
 * no pipes, sockets or devices among the files.
 * @param git with the checkout as its folder and working tree, and an index and an object folder of its own
 */
export async function writeCheckoutTree(
  git: Git,
  { named, leftOut, gitlinks, changed }: WriteOptions,
): Promise<WrittenTree> {
  const treeBefore = () => git.text(['write-tree']);
  const first = changed ? await treeBefore() : null;
  if (changed) {
    await takeOutSubmodules(git, gitlinks);
    await addTracked(git);
    await putBackSubmodules(git, gitlinks);
  }
  const others = await untrackedPaths(git, leftOut);
  const nested = others.filter(isNested);
  const added = [...others.filter((path) => !isNested(path)), ...(await ignoredAmong(git, named))];
  const before = first ?? (added.length > 0 ? await treeBefore() : null);
  await addUntracked(git, added);
  const left =
    others.length === nested.length ? [] : (await untrackedPaths(git, leftOut)).filter((path) => !isNested(path));
  const now = before === null ? null : await git.text(['write-tree']);
  return {
    trees: before === null || now === null || before === now ? null : [before, now],
    untrackable: [
      ...nested.map((path) => untrackable(pathText(path).replace(/\/$/, ''), SUBMODULE_MODE)),
      ...left.map((path) => untrackable(pathText(path), '100644')),
    ],
  };
}

/** The submodules in git's index, as it prints them. */
export const stagedGitlinks = async (git: Git): Promise<readonly string[]> =>
  split(await git.bytes(['ls-files', '--stage', '-z'])).filter((entry) => entry.startsWith(SUBMODULE_MODE));

export const submodulesIn = (gitlinks: readonly string[]): readonly Submodule[] =>
  gitlinks.map((entry) => ({
    path: pathText(entry.slice(entry.indexOf('\t') + 1)),
    commit: entry.split(' ')[1] ?? '',
  }));

/** Paths are handled as Latin-1, one character a byte, since a name need not be UTF-8. */
const split = (output: Buffer): readonly string[] =>
  output
    .toString('latin1')
    .split('\0')
    .filter((field) => field !== '');
const joined = (fields: readonly string[]): Buffer =>
  Buffer.from(fields.map((field) => `${field}\0`).join(''), 'latin1');
const isNested = (path: string): boolean => path.endsWith('/');

const untrackedPaths = async (git: Git, leftOut: WriteOptions['leftOut']): Promise<readonly string[]> =>
  split(await git.bytes(['ls-files', '--others', '--exclude-standard', '-z'])).filter(
    (path) => !leftOut(path.replace(/\/$/, '')),
  );

/** Paths in one call of git: the length of a command line is bounded. */
const PATHS_AT_ONCE = 200;

/** Those of the named paths that are files here, and that git would leave out because they are ignored. */
async function ignoredAmong(git: Git, named: readonly string[]): Promise<readonly string[]> {
  const wanted = new Set(named.map((path) => Buffer.from(path, 'utf8').toString('latin1')));
  const found: string[] = [];
  for (let start = 0; start < named.length; start += PATHS_AT_ONCE) {
    const args = ['ls-files', '--others', '--ignored', '--exclude-standard', '-z', '--'];
    const listed = split(await git.bytes([...args, ...named.slice(start, start + PATHS_AT_ONCE)]));
    found.push(...listed.filter((path) => wanted.has(path)));
  }
  return found;
}

const untrackable = (path: string, mode: string): PatchFile => ({
  path,
  old_path: null,
  status: 'added',
  old_mode: '000000',
  new_mode: mode,
  binary: false,
  added: 0,
  deleted: 0,
});

/**
 * Submodules of the base are not in the index while git looks for changes: it would run `git status` inside them,
 * with a configuration that the executor may have written.
 */
async function takeOutSubmodules(git: Git, gitlinks: readonly string[]): Promise<void> {
  if (gitlinks.length === 0) return;
  const paths = gitlinks.map((entry) => entry.slice(entry.indexOf('\t') + 1));
  await git.bytes(['update-index', '--force-remove', '-z', '--stdin'], { input: joined(paths) });
}

/** A submodule counts as unchanged here while its folder exists; what is in the folder is compared elsewhere. */
async function putBackSubmodules(git: Git, staged: readonly string[]): Promise<void> {
  const kept: string[] = [];
  for (const entry of staged) {
    const path = join(git.cwd, pathText(entry.slice(entry.indexOf('\t') + 1)));
    const there = (await lstat(path).catch(() => null))?.isDirectory() === true;
    if (there && (await realpath(dirname(path))) === (await realpathOf(git.cwd, path))) kept.push(entry);
  }
  if (kept.length > 0) await git.bytes(['update-index', '-z', '--index-info'], { input: joined(kept) });
}

const realpathOf = async (directory: string, path: string): Promise<string> =>
  join(await realpath(directory), dirname(path).slice(directory.length));

async function addTracked(git: Git): Promise<void> {
  const first = await git.ask(['add', '--update']);
  if (first.exitCode === 0) return;
  // Most likely a file that may not be read any more.
  await openFiles(git.cwd);
  await git.bytes(['add', '--update']);
}

async function addUntracked(git: Git, paths: readonly string[]): Promise<void> {
  if (paths.length === 0) return;
  const add = ['update-index', '--add', '--replace', '-z', '--stdin'];
  const first = await git.ask(add, { input: joined(paths) });
  if (first.exitCode === 0) return;
  await openFiles(git.cwd);
  await git.bytes(add, { input: joined(paths) });
}

async function openFiles(folder: string): Promise<void> {
  for (const entry of await readdir(folder, { withFileTypes: true })) {
    const path = join(folder, entry.name);
    if (entry.isDirectory()) await openFiles(path);
    else if (entry.isFile()) await chmod(path, (await lstat(path)).mode | 0o600);
  }
}
