import { chmod, lstat, readdir, realpath, rm } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import type { PatchFile } from '../../contracts/patch.js';
import { type GitCall, requireGit, runGit } from '../git/run-git.js';
import type { Submodule } from './submodules.js';

/** Git with the mirror's git folder, an index and an object folder of its own, and a checkout as its working tree. */
export interface TreeWriter {
  readonly directory: string;
  readonly env: Readonly<Record<string, string>>;
  readonly signal?: AbortSignal | undefined;
}

export interface WrittenTree {
  readonly tree: string;
  /** What lies there and git takes into no tree: nested repositories, and names that stand for `.git` somewhere. */
  readonly untaken: readonly PatchFile[];
  /** The submodules of the tree that was checked out. */
  readonly submodules: readonly Submodule[];
}

const SUBMODULE_MODE = '160000';

/**
 * Writes what lies in a checkout as a tree. Expects the index to hold the tree that was checked out, without the times
 * of any file, so that every file's content is read anew. Ignored files stay out, as `.gitignore` files in the tree say.
 * @param named paths that are taken in although they are ignored
 */
export async function writeCheckoutTree(writer: TreeWriter, named: readonly string[]): Promise<WrittenTree> {
  await clearOddities(writer.directory);
  const submodules = await takeOutSubmodules(writer);
  await addTracked(writer);
  await putBackSubmodules(writer, submodules);
  const others = await untrackedPaths(writer);
  const nested = others.filter(isNested);
  await addUntracked(writer, [...others.filter((path) => !isNested(path)), ...(await ignoredAmong(writer, named))]);
  const left = others.length === nested.length ? [] : (await untrackedPaths(writer)).filter((path) => !isNested(path));
  const tree = (await git(writer, ['write-tree'])).toString('latin1').trim();
  return {
    tree,
    untaken: [
      ...nested.map((path) => untaken(text(path).replace(/\/$/, ''), SUBMODULE_MODE)),
      ...left.map((path) => untaken(text(path), '100644')),
    ],
    submodules: submodules.map((entry) => ({
      path: text(entry.slice(entry.indexOf('\t') + 1)),
      commit: entry.split(' ')[1] ?? '',
    })),
  };
}

const git = (writer: TreeWriter, args: readonly string[], input?: Buffer): Promise<Buffer> =>
  requireGit(call(writer, args, input));

const call = ({ directory, env, signal }: TreeWriter, args: readonly string[], input?: Buffer): GitCall => ({
  args,
  cwd: directory,
  env,
  signal,
  ...(input === undefined ? {} : { input }),
});

/** Lists of paths travel as latin-1, one character a byte, since a name need not be UTF-8. */
const split = (output: Buffer): readonly string[] =>
  output
    .toString('latin1')
    .split('\0')
    .filter((field) => field !== '');
const joined = (fields: readonly string[]): Buffer =>
  Buffer.from(fields.map((field) => `${field}\0`).join(''), 'latin1');
const text = (latin1: string): string => Buffer.from(latin1, 'latin1').toString('utf8');
const isNested = (path: string): boolean => path.endsWith('/');

const untrackedPaths = async (writer: TreeWriter): Promise<readonly string[]> =>
  split(await git(writer, ['ls-files', '--others', '--exclude-standard', '-z']));

/** Paths that git is asked of at once: a command line is bounded. */
const PATHS_AT_ONCE = 200;

/** Those of the named paths that are files here, and that git would leave out because they are ignored. */
async function ignoredAmong(writer: TreeWriter, named: readonly string[]): Promise<readonly string[]> {
  const wanted = new Set(named.map((path) => Buffer.from(path, 'utf8').toString('latin1')));
  const found: string[] = [];
  for (let start = 0; start < named.length; start += PATHS_AT_ONCE) {
    const args = ['ls-files', '--others', '--ignored', '--exclude-standard', '-z', '--'];
    const listed = split(await git(writer, [...args, ...named.slice(start, start + PATHS_AT_ONCE)]));
    found.push(...listed.filter((path) => wanted.has(path)));
  }
  return found;
}

const untaken = (path: string, mode: string): PatchFile => ({
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
 * Pipes, sockets and devices go, because git would wait for ever when one is called `.gitignore`, and folders that were
 * closed are opened. Links are not followed.
 */
async function clearOddities(folder: string): Promise<void> {
  const entries = await readdir(folder, { withFileTypes: true }).catch(async () => {
    await chmod(folder, 0o700);
    return readdir(folder, { withFileTypes: true });
  });
  for (const entry of entries) {
    const path = join(folder, entry.name);
    if (entry.isDirectory()) await clearOddities(path);
    else if (!entry.isFile() && !entry.isSymbolicLink()) await rm(path, { force: true });
  }
}

/**
 * Submodules of the base stay out of git's sight while it looks for changes: it would run `git status` inside them,
 * with a configuration that the executor may have written.
 */
async function takeOutSubmodules(writer: TreeWriter): Promise<readonly string[]> {
  const staged = split(await git(writer, ['ls-files', '--stage', '-z'])).filter((entry) =>
    entry.startsWith(SUBMODULE_MODE),
  );
  if (staged.length > 0) {
    const paths = staged.map((entry) => entry.slice(entry.indexOf('\t') + 1));
    await git(writer, ['update-index', '--force-remove', '-z', '--stdin'], joined(paths));
  }
  return staged;
}

/** A submodule's folder that is still there stands for the submodule as it was, whatever lies in it. */
async function putBackSubmodules(writer: TreeWriter, staged: readonly string[]): Promise<void> {
  const kept: string[] = [];
  for (const entry of staged) {
    const path = join(writer.directory, text(entry.slice(entry.indexOf('\t') + 1)));
    const there = (await lstat(path).catch(() => null))?.isDirectory() === true;
    if (there && (await realpath(dirname(path))) === (await realpathOf(writer.directory, path))) kept.push(entry);
  }
  if (kept.length > 0) await git(writer, ['update-index', '-z', '--index-info'], joined(kept));
}

const realpathOf = async (directory: string, path: string): Promise<string> =>
  join(await realpath(directory), dirname(path).slice(directory.length));

async function addTracked(writer: TreeWriter): Promise<void> {
  const first = await runGit(call(writer, ['add', '--update']));
  if (first.exitCode === 0) return;
  // Most likely a file that may not be read any more.
  await openFiles(writer.directory);
  await git(writer, ['add', '--update']);
}

async function addUntracked(writer: TreeWriter, paths: readonly string[]): Promise<void> {
  if (paths.length === 0) return;
  const add = ['update-index', '--add', '--replace', '-z', '--stdin'];
  const first = await runGit(call(writer, add, joined(paths)));
  if (first.exitCode === 0) return;
  await openFiles(writer.directory);
  await git(writer, add, joined(paths));
}

async function openFiles(folder: string): Promise<void> {
  for (const entry of await readdir(folder, { withFileTypes: true })) {
    const path = join(folder, entry.name);
    if (entry.isDirectory()) await openFiles(path);
    else if (entry.isFile()) await chmod(path, (await lstat(path)).mode | 0o600);
  }
}
