import { mkdirSync, rmdirSync } from 'node:fs';
import { mkdir, rm } from 'node:fs/promises';
import { dirname } from 'node:path';
import { copyTree } from './copy-tree.js';
import { GITLINK_MODE, type GitIndex, IndexDraft } from './git-index.js';
import type { Overlay, Template } from './template.js';
import { type BytePath, bytePath, bytesOf, folderIdentity, type KnownTree, look, surveyTree } from './tree-survey.js';

/** A checked out tree as it is before any program works in it. */
export interface FreshTree {
  readonly known: KnownTree;
  readonly index: GitIndex;
  /** The index with the times of these files. */
  readonly draft: IndexDraft;
  /** The newest change time of a file, in nanoseconds. */
  readonly newest: bigint;
}

/** A fresh tree with nothing but what the template has. */
export interface TemplateCopy extends FreshTree {
  /** What is in its git folder. */
  readonly gitFiles: KnownTree;
}

const later = (one: bigint, other: bigint): bigint => (one > other ? one : other);

/**
 * Fills an empty folder with copies of a template's files, its git folder included.
 * @returns null when another program wrote into the template
 */
export async function copyTemplate(
  { tree, files, gitFiles, index }: Template,
  directory: string,
  signal: AbortSignal | undefined,
): Promise<TemplateCopy | null> {
  const [from, to] = [bytePath(tree), bytePath(directory)];
  await mkdir(bytesOf(`${to}/.git`));
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
  return copied === null ? null : { known: copied, index, draft, newest: copied.newest, gitFiles: copiedGit };
}

/** Whether a copy has not been written to since it was made. */
export async function isUntouched(directory: string, { known, gitFiles }: TemplateCopy): Promise<boolean> {
  const top = bytePath(directory);
  const surveys = [await surveyTree(top, known), await surveyTree(`${top}/.git`, gitFiles)];
  return surveys.every(({ changed, replaced, others }) => changed.length + replaced.length === 0 && !others);
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
    if (mode === GITLINK_MODE && overlay.index.entries.get(path)?.mode === GITLINK_MODE) continue;
    // All of a submodule that is removed, or that becomes a folder or a file.
    await rm(bytesOf(`${to}/${path}`), { recursive: mode === GITLINK_MODE, force: true });
    files.delete(path);
    if (mode === GITLINK_MODE) {
      for (const known of [files, folders]) {
        for (const inside of known.keys()) if (inside === path || inside.startsWith(`${path}/`)) known.delete(inside);
      }
    }
    for (const folder of emptyParents(to, path)) folders.delete(folder);
  }
  const added = [...overlay.files.folders.keys()].filter((folder) => folder !== '');
  const gitlinks = overlay.changed.filter(({ mode }) => mode === GITLINK_MODE).map(({ path }) => path);
  for (const folder of [...added, ...gitlinks]) {
    const place = bytesOf(`${to}/${folder}`);
    mkdirSync(place, { recursive: true });
    const stat = look(place);
    if (stat !== null) folders.set(folder, folderIdentity(stat));
  }
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
  const objects = `${to}/.git/objects`;
  for (const folder of overlay.storedFiles.folders.keys())
    mkdirSync(bytesOf(`${objects}/${folder}`), { recursive: true });
  const stored = await copyTree(bytePath(overlay.stored), filesOf(overlay.storedFiles), objects);
  if (copied === null || stored === null) return null;
  for (const [path, identity] of copied.files) files.set(path, identity);
  return { known: { files, folders }, index: overlay.index, draft, newest: later(fresh.newest, copied.newest) };
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
