import { lstat } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { PromptOsError } from '../../contracts/errors.js';
import { RUN_ID_PATTERN, SHA256_PATTERN } from '../../contracts/names.js';
import { syncFolder } from './durable-files.js';
import { makeFolder } from './shared-folders.js';
import { systemCode } from './store-errors.js';

/** Where things lie in a store, as absolute folders of one file system. */
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
    staging: folder('staging'),
  };
}

/** The object's file, or null for what is no digest and so names no object. */
export const objectPath = ({ objects }: StoreLayout, sha256: string): string | null =>
  SHA256_PATTERN.test(sha256) ? join(objects, sha256.slice(0, 2), sha256.slice(2)) : null;

/** @throws PromptOsError PATH_ESCAPES for what is no run id, and could lead anywhere. */
export function checkRunId(runId: string): void {
  if (!RUN_ID_PATTERN.test(runId)) {
    throw new PromptOsError('PATH_ESCAPES', `Expected a run id, received ${JSON.stringify(runId)}.`);
  }
}

/** @throws PromptOsError PATH_ESCAPES for a path that is not plainly inside a tree. */
export function checkTreePath(path: string): void {
  const inside = !/[\\\0]/.test(path) && !path.split('/').some((part) => part === '' || part === '.' || part === '..');
  if (!inside) throw new PromptOsError('PATH_ESCAPES', `${JSON.stringify(path)} leads out of the run's tree.`);
}

/**
 * Every path of a tree to publish.
 * @throws PromptOsError PATH_ESCAPES; PATH_CLASH when one place is wanted twice, or as a file and as a folder
 */
export function checkTreePaths(paths: readonly string[]): void {
  const files = new Set<string>();
  for (const path of paths) {
    checkTreePath(path);
    if (files.has(path)) throw new PromptOsError('PATH_CLASH', `Two files are to be published as ${path}.`);
    files.add(path);
  }
  for (const path of paths) {
    const parts = path.split('/');
    for (let length = 1; length < parts.length; length += 1) {
      const folder = parts.slice(0, length).join('/');
      if (files.has(folder)) throw new PromptOsError('PATH_CLASH', `${folder} is to be both a file and a folder.`);
    }
  }
}

/**
 * Makes a folder of the store, durably, when it is not there.
 * @throws PromptOsError PATH_ESCAPES when a link lies in its place: nothing of the store is elsewhere
 */
export async function ensureFolder(parent: string, folder: string): Promise<void> {
  try {
    await makeFolder(folder);
    await syncFolder(parent);
  } catch (error) {
    if (systemCode(error) !== 'EEXIST') throw error;
    await checkIsNoLink(folder);
  }
}

/** @throws PromptOsError PATH_ESCAPES when the path is a symbolic link; it may be missing. */
export async function checkIsNoLink(path: string): Promise<void> {
  const found = await lstat(path).catch((error: unknown) => {
    if (systemCode(error) === 'ENOENT') return null;
    throw error;
  });
  if (found?.isSymbolicLink() === true) {
    throw new PromptOsError('PATH_ESCAPES', `${path} is a symbolic link; the store follows none of its own.`);
  }
}
