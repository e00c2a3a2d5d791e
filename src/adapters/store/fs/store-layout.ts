import { lstatSync, statSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { PromptOsError, systemCode } from '../../../contracts/errors.js';
import { SHA256_PATTERN } from '../../../contracts/names.js';
import { keepLast } from '../../../contracts/remember.js';
import { syncFolder } from '../../platform/durable-files.js';
import { markedPath } from '../../platform/leftovers.js';
import { makeFolder } from './durable-files.js';

/** The folders of a store: absolute, on one file system. */
export interface StoreLayout {
  readonly root: string;
  /** `ab/cdef…`: bytes by SHA-256. */
  readonly objects: string;
  /** `<run_id>/…`: published trees, for people. */
  readonly runs: string;
  /** `<run_id>/manifest.json`: what was published; a run is committed to its tree by this. */
  readonly manifests: string;
  /** `<run_id>/00000000.json`: what a run's journal holds, one file an entry. */
  readonly journals: string;
  /** `<milliseconds>.<run_id>`: when each run was published. */
  readonly listing: string;
  /** `<run_id>.json`: which files were removed from a published tree. */
  readonly removals: string;
  /** Files and trees that are being written. */
  readonly staging: string;
}

export function storeLayout(directory: string): StoreLayout {
  const root = resolve(directory);
  const folder = (name: string): string => join(root, name);
  return {
    root,
    objects: folder('objects'),
    runs: folder('runs'),
    manifests: folder('manifests'),
    journals: folder('journals'),
    listing: folder('listing'),
    removals: folder('removals'),
    staging: folder('staging'),
  };
}

/** How the names of what is being written begin. */
export const STAGED = 'staged';

/** A new name in the staging folder that says which process writes there. */
export const stagedPath = (staging: string): string => markedPath(staging, STAGED);

/** The object's file, or null for what is no digest and so names no object. */
export const objectPath = ({ objects }: StoreLayout, sha256: string): string | null =>
  SHA256_PATTERN.test(sha256) ? join(objects, sha256.slice(0, 2), sha256.slice(2)) : null;

/**
 * Makes a folder of the store when it is missing. It is durable after `syncEntry`, whoever made it.
 * @throws PromptOsError PATH_ESCAPES when a link is in its place: nothing of the store is elsewhere
 */
export function makeMissingFolder(folder: string): void {
  if (isThere(folder)) return;
  try {
    makeFolder(folder);
  } catch (error) {
    if (systemCode(error) !== 'EEXIST' || !isThere(folder)) throw error;
  }
}

/** Files and folders whose entry in their folder this process has forced to the medium, by path: which ones they were. */
const synced = new Map<string, string>();
const MAX_SYNCED = 4_096;

/**
 * Forces the entry of a file or a folder in its folder to the medium, unless this process has done that for this very one:
 * whoever made it may have been killed before.
 */
export async function syncEntry(path: string): Promise<void> {
  const stat = statSync(path);
  // The times of a folder change with its entries. A file that was made again may have the same number, and has other times.
  const which = `${stat.dev} ${stat.ino} ${stat.isDirectory() ? stat.birthtimeMs : stat.ctimeMs}`;
  if (synced.get(path) === which) return;
  await syncFolder(dirname(path));
  keepLast(synced, path, which, MAX_SYNCED);
}

/**
 * Whether there is anything in a place of the store.
 * @throws PromptOsError PATH_ESCAPES when it is a symbolic link
 */
export function isThere(path: string): boolean {
  const found = lstatSync(path, { throwIfNoEntry: false });
  if (found?.isSymbolicLink() === true) {
    throw new PromptOsError('PATH_ESCAPES', `${path} is a symbolic link; the store follows none of its own.`);
  }
  return found !== undefined;
}
