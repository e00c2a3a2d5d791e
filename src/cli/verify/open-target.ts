import { stat } from 'node:fs/promises';
import { resolve } from 'node:path';
import { openFolderTree } from '../../adapters/tree-fs/folder-tree.js';
import { PromptOsError } from '../../contracts/errors.js';
import type { ArtifactStore } from '../../ports/artifact-store.js';
import type { TreeReader } from '../../ports/tree-reader.js';
import { createObjectTree } from '../../verify/index.js';
import type { StoreCommandContext } from '../published-run.js';
import { selectPublishedRun } from '../select-published-run.js';

const isFolder = async (path: string): Promise<boolean> => (await stat(path).catch(() => null))?.isDirectory() === true;

/** A published run as it lies there: the folder itself where the store is one, so that nothing in it goes unseen. */
export async function openPublishedTree(store: ArtifactStore, runId: string): Promise<TreeReader> {
  const place = store.locate(runId);
  if (await isFolder(place)) return openFolderTree(place);
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
 * What a person names: a folder is a tree, anything else is a run of this place.
 * @throws PromptOsError RUN_NOT_FOUND, RUN_AMBIGUOUS, RUN_NOT_PUBLISHED, FILE_NOT_READABLE
 */
export async function openTarget(context: StoreCommandContext, target: string): Promise<VerifyTarget> {
  const path = resolve(context.cwd, target);
  if (await isFolder(path)) return { reader: await openFolderTree(path) };
  if (/[/\\]/.test(target)) throw new PromptOsError('FILE_NOT_READABLE', `Expected a folder, found none at ${path}.`);
  const store = await context.openStore();
  const runId = await selectPublishedRun(context, target, store);
  return { runId, reader: await openPublishedTree(store, runId) };
}
