import { mkdirSync, rmdirSync, rmSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { nextTurn, timeIsUp, writeLocalFile } from '../../platform/time-slices.js';
import { copyTree, writePast } from '../tree/copy-tree.js';
import { GITLINK_MODE, type GitIndex, IndexDraft } from '../tree/git-index.js';
import { besides, clearForPatch, NO_SETUP, type SetupPaths } from '../tree/setup-paths.js';
import {
  type BytePath,
  bytePath,
  bytesOf,
  folderIdentity,
  identityOf,
  type KnownTree,
  look,
  surveyTree,
} from '../tree/tree-survey.js';
import type { Overlay, Template } from './template.js';

/** A checked out tree as it is before any program works in it. */
export interface FreshTree {
  readonly known: KnownTree;
  /** What is in its git folder. */
  readonly gitFiles: KnownTree;
  readonly index: GitIndex;
  /** The index with the times of these files. */
  readonly draft: IndexDraft;
  /** The newest change time of a file, in nanoseconds. */
  readonly newest: bigint;
  /** Its folders with their times, by path from its top, as they are when all is written; those of its git folder too. */
  readonly sealed: ReadonlyMap<BytePath, string>;
  /** What of it the set-up made; nothing without one. */
  readonly setup: SetupPaths;
}

const later = (one: bigint, other: bigint): bigint => (one > other ? one : other);

/**
 * Fills an empty folder with copies of a template's files, its git folder without an index included.
 * @returns null when another program wrote into the template
 */
export async function copyTemplate(
  { tree, files, gitFiles, index }: Template,
  directory: string,
  signal: AbortSignal | undefined,
): Promise<FreshTree | null> {
  const [from, to] = [bytePath(tree), bytePath(directory)];
  mkdirSync(bytesOf(`${to}/.git`));
  const copiedGit = await copyTree(`${from}/.git`, gitFiles, `${to}/.git`, { signal });
  if (copiedGit === null) return null;
  const draft = IndexDraft.of(index);
  const copied = await copyTree(from, files, to, {
    signal,
    onFile: (path, stat) => {
      const entry = index.entries.get(path);
      if (entry !== undefined) draft.fill(entry, stat);
    },
  });
  if (copied === null) return null;
  const newest = later(copied.newest, copiedGit.newest);
  return { known: copied, gitFiles: copiedGit, index, draft, newest, sealed: new Map(), setup: NO_SETUP };
}

/** Writes the index of a tree. What is written from then on has a later change time than every file of the tree. */
export async function writeIndex(fresh: FreshTree, directory: string, hashBytes: number): Promise<FreshTree> {
  const { draft, known, gitFiles } = fresh;
  const path = join(directory, '.git', 'index');
  // A new file changes its folder, whose times count from here on.
  if (!gitFiles.files.has('index')) await writeLocalFile(path, '');
  const sealed = new Map<BytePath, string>();
  let { newest } = fresh;
  for (const folder of [
    ...known.folders.keys(),
    ...[...gitFiles.folders.keys()].map((inside) => join('.git', inside)),
  ]) {
    if (timeIsUp()) await nextTurn();
    const stat = look(bytesOf(join(bytePath(directory), folder)));
    if (stat === null) continue;
    sealed.set(folder, identityOf(stat));
    newest = later(newest, stat.ctimeNs);
  }
  const stat = await writePast(path, draft.sealed(hashBytes), newest);
  const files = new Map(gitFiles.files);
  if (stat !== null) files.set('index', identityOf(stat));
  return { ...fresh, gitFiles: { ...gitFiles, files }, sealed };
}

/**
 * Whether nothing was written, added or removed in a tree since it was made, ignored files and its git folder included. What
 * was added and removed again shows in the times of its folder, as attributes of the folder do.
 */
export async function isUntouched(directory: string, { known, gitFiles, sealed }: FreshTree): Promise<boolean> {
  const top = bytePath(directory);
  for (const [folder, files] of [[top, known] as const, [`${top}/.git`, gitFiles] as const]) {
    const { changed, replaced, others, otherFolders } = await surveyTree(folder, files);
    if (changed.length + replaced.length > 0 || others || otherFolders) return false;
  }
  for (const [folder, identity] of sealed) {
    if (timeIsUp()) await nextTurn();
    const stat = look(bytesOf(join(top, folder)));
    if (stat === null || identityOf(stat) !== identity) return false;
  }
  return true;
}

/**
 * Makes of a copy of a template what a patch makes of it.
 * @returns null when another program wrote into the overlay
 */
export async function layOver(fresh: FreshTree, overlay: Overlay, directory: string): Promise<FreshTree | null> {
  const to = bytePath(directory);
  const files = new Map(fresh.known.files);
  const folders = new Map(fresh.known.folders);
  for (const { path, mode } of overlay.replaced) {
    if (timeIsUp()) await nextTurn();
    if (mode === GITLINK_MODE && overlay.index.entries.get(path)?.mode === GITLINK_MODE) continue;
    // All of a submodule that is removed, or that becomes a folder or a file.
    const place = bytesOf(`${to}/${path}`);
    if (mode !== GITLINK_MODE) rmSync(place, { force: true });
    files.delete(path);
    if (mode === GITLINK_MODE) {
      await rm(place, { recursive: true, force: true });
      for (const known of [files, folders]) {
        for (const inside of known.keys()) if (inside === path || inside.startsWith(`${path}/`)) known.delete(inside);
      }
    }
    for (const folder of emptyParents(to, path)) folders.delete(folder);
  }
  const setup = clearForPatch(to, { files, folders, setup: fresh.setup }, overlay.files);
  const added = [...overlay.files.folders.keys()].filter((folder) => folder !== '');
  const gitlinks = overlay.changed.filter(({ mode }) => mode === GITLINK_MODE).map(({ path }) => path);
  makeFolders(to, [...added, ...gitlinks], folders);
  const draft = IndexDraft.of(overlay.index);
  for (const entry of overlay.index.entries.values()) {
    const before = fresh.index.entries.get(entry.path);
    if (before !== undefined && files.has(entry.path)) draft.copy(entry, fresh.draft, before);
  }
  const copied = await copyTree(bytePath(overlay.tree), filesOf(overlay.files), to, {
    onFile: (path, stat) => {
      const entry = overlay.index.entries.get(path);
      if (entry !== undefined) draft.fill(entry, stat);
    },
  });
  const git = { files: new Map(fresh.gitFiles.files), folders: new Map(fresh.gitFiles.folders) };
  const stores = [...overlay.storedFiles.folders.keys()].filter((folder) => folder !== '');
  makeFolders(
    `${to}/.git`,
    stores.map((folder) => `objects/${folder}`),
    git.folders,
  );
  const stored = await copyTree(bytePath(overlay.stored), filesOf(overlay.storedFiles), `${to}/.git/objects`);
  if (copied === null || stored === null) return null;
  for (const [path, identity] of copied.files) files.set(path, identity);
  for (const [path, identity] of stored.files) git.files.set(`objects/${path}`, identity);
  const newest = later(fresh.newest, later(copied.newest, stored.newest));
  return { known: { files, folders }, gitFiles: git, index: overlay.index, draft, newest, sealed: new Map(), setup };
}

/**
 * Lays what a set-up made under a copy of a template. A file or folder of the commit is never replaced, and nothing is laid
 * behind a link of it.
 * @returns null when another program wrote into what was kept
 */
export async function layUnder(
  fresh: FreshTree,
  layer: { readonly tree: string; readonly files: KnownTree },
  directory: string,
  signal: AbortSignal | undefined,
): Promise<FreshTree | null> {
  const to = bytePath(directory);
  const laid = besides(layer.files, fresh.known);
  const folders = new Map(fresh.known.folders);
  makeFolders(to, [...laid.folders], folders);
  const copied = await copyTree(bytePath(layer.tree), { ...filesOf(layer.files), files: laid.files }, to, { signal });
  if (copied === null) return null;
  const known = { files: new Map([...fresh.known.files, ...copied.files]), folders };
  const setup = { files: new Set(laid.files.keys()), folders: laid.folders };
  return { ...fresh, known, newest: later(fresh.newest, copied.newest), setup };
}

/** @param known gets the folders, which may exist already */
function makeFolders(top: BytePath, made: readonly BytePath[], known: Map<BytePath, string>): void {
  for (const folder of made) {
    const place = bytesOf(`${top}/${folder}`);
    mkdirSync(place, { recursive: true });
    const stat = look(place);
    if (stat !== null) known.set(folder, folderIdentity(stat));
  }
}

/** Files of a folder whose folders exist in the copy already. */
const filesOf = ({ files, folders }: KnownTree): KnownTree => ({
  files,
  folders: new Map([...folders].filter(([path]) => path === '')),
});

/** Removes the folders above a path that have become empty, as git does. */
function* emptyParents(top: BytePath, path: BytePath): Generator<BytePath> {
  for (let folder = dirname(path); folder !== '.'; folder = dirname(folder)) {
    try {
      rmdirSync(bytesOf(`${top}/${folder}`));
    } catch {
      return;
    }
    yield folder;
  }
}
