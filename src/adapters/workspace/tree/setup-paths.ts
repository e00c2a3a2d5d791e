import { rmSync } from 'node:fs';
import { dirname } from 'node:path';
import { type BytePath, bytesOf, type KnownTree } from './tree-survey.js';

/** What the commands of a set-up made: files that are laid under checkouts. No program ever works in it. */
export interface SetupLayer {
  readonly sha256: string;
  readonly tree: string;
  readonly files: KnownTree;
  /** Keeps every process from removing it until that is called off; null where it was removed already. */
  readonly pin: () => Promise<(() => void) | null>;
  /** Has it made again: a program has written to it. */
  readonly discard: () => Promise<void>;
}

/** The files and folders of a checkout that its set-up made. */
export interface SetupPaths {
  readonly files: ReadonlySet<BytePath>;
  /** Those that the commit does not have. */
  readonly folders: ReadonlySet<BytePath>;
}

export const NO_SETUP: SetupPaths = { files: new Set(), folders: new Set() };

/** Whether a path is one that the set-up made, or is in a folder that it made. */
export function isOfSetup({ files, folders }: SetupPaths, path: BytePath): boolean {
  if (files.has(path) || folders.has(path)) return true;
  for (let folder = dirname(path); folder !== '.'; folder = dirname(folder)) if (folders.has(folder)) return true;
  return false;
}

/** What of a kept result can be laid beside the files of a commit. */
export function besides(
  layer: KnownTree,
  { files, folders }: KnownTree,
): { readonly files: ReadonlyMap<BytePath, string>; readonly folders: ReadonlySet<BytePath> } {
  const blocked = new Set<BytePath>();
  const made = new Set<BytePath>();
  // A folder comes before what is in it.
  for (const folder of [...layer.folders.keys()].sort()) {
    if (folder === '') continue;
    if (files.has(folder) || blocked.has(dirname(folder))) blocked.add(folder);
    else if (!folders.has(folder)) made.add(folder);
  }
  const laid = [...layer.files].filter(
    ([path]) => !files.has(path) && !folders.has(path) && !blocked.has(dirname(path)),
  );
  return { files: new Map(laid), folders: made };
}

/**
 * Removes what the set-up made where a patch has a file of its own, or a folder for one.
 * @param known of the checkout; what is removed is taken out of it
 */
export function clearForPatch(
  top: BytePath,
  known: {
    readonly files: Map<BytePath, string>;
    readonly folders: Map<BytePath, string>;
    readonly setup: SetupPaths;
  },
  patch: KnownTree,
): SetupPaths {
  if (known.setup === NO_SETUP) return NO_SETUP;
  const files = new Set(known.setup.files);
  const folders = new Set(known.setup.folders);
  const remove = (path: BytePath): void => {
    rmSync(bytesOf(`${top}/${path}`), { recursive: true, force: true });
    for (const all of [known.files, known.folders, files, folders]) {
      for (const inside of [...all.keys()]) if (inside === path || inside.startsWith(`${path}/`)) all.delete(inside);
    }
  };
  for (const path of patch.files.keys()) if (files.has(path) || folders.has(path)) remove(path);
  for (const folder of patch.folders.keys()) if (files.has(folder)) remove(folder);
  return { files, folders };
}
