import { stat } from 'node:fs/promises';
import { resolve } from 'node:path';
import { openBundleTree } from '../../adapters/tree/bundle-tree.js';
import { openFolderTree } from '../../adapters/tree/folder-tree.js';
import { PromptOsError } from '../../contracts/errors.js';
import type { ReadableStore } from '../../ports/artifact-store.js';
import type { TreeReader } from '../../ports/tree-reader.js';
import { createObjectTree } from '../../verify/index.js';
import type { StoreCommandContext } from '../published-run.js';
import { selectPublishedRun } from '../select-published-run.js';

/** The tree in an exported folder or in a bundle; null where neither is. */
async function openPlace(path: string): Promise<TreeReader | null> {
  const stats = await stat(path).catch(() => null);
  if (stats?.isDirectory() === true) return openFolderTree(path);
  return stats?.isFile() === true ? openBundleTree(path) : null;
}

/** A published run where it is: the folder or the bundle itself where there is one, so that nothing in it goes unseen. */
export async function openPublishedTree(store: ReadableStore, runId: string): Promise<TreeReader> {
  const place = await openPlace(store.locate(runId));
  if (place !== null) return place;
  const files = await store.published(runId);
  if (files === null) throw new PromptOsError('RUN_NOT_PUBLISHED', `Run ${runId} has no published tree.`);
  return createObjectTree(files, store);
}

/** A tree to verify, and the run that it must be where a run was named. */
export interface VerifyTarget {
  readonly reader: TreeReader;
  readonly runId?: string;
}

/**
 * What a person names: a folder is a tree, a file is a bundle, anything else is a run of this place.
 * @throws PromptOsError RUN_NOT_FOUND, RUN_AMBIGUOUS, RUN_NOT_PUBLISHED, FILE_NOT_READABLE
 */
export async function openTarget(context: StoreCommandContext, target: string): Promise<VerifyTarget> {
  const path = resolve(context.cwd, target);
  const place = await openPlace(path);
  if (place !== null) return { reader: place };
  if (/[/\\]/.test(target)) {
    throw new PromptOsError('FILE_NOT_READABLE', `Expected a folder or a bundle, found none at ${path}.`);
  }
  const store = await context.openStore();
  const runId = await selectPublishedRun(context, target, store);
  return { runId, reader: await openPublishedTree(store, runId) };
}
