import { linkSync, lstatSync } from 'node:fs';
import { readdir } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { systemCode } from '../../../contracts/errors.js';
import { RUN_ID_PATTERN } from '../../../contracts/names.js';
import type { PrunableStore } from '../../../ports/artifact-store.js';
import { syncFolder } from '../../platform/durable-files.js';
import { removeLeftovers } from '../../platform/leftovers.js';
import { makeFolders } from '../../platform/make-folders.js';
import { nextTurn, readIfPresent, timeIsUp } from '../../platform/time-slices.js';
import { checkEntry, checkRunId, entryName, MAX_ENTRIES } from '../checks.js';
import { readError, removeAside, writeError, writeNewFile } from './durable-files.js';
import { completeListing, enterRun, listRuns } from './listing.js';
import { objectSize, openObject, putObject, readObject, removeObject } from './object-files.js';
import { openPublishedFile, publishedFiles, publishTree, removePublished } from './published-trees.js';
import {
  isThere,
  makeMissingFolder,
  STAGED,
  type StoreLayout,
  stagedPath,
  storeLayout,
  syncEntry,
} from './store-layout.js';

/**
 * The artifact store in a folder of the file system. Nothing is made before the first write, so a folder that may only
 * be read can be read. Several processes may use one folder; it must be on one file system.
 * @param directory the store's folder; made when it is missing
 */
export function createFileSystemStore(directory: string): PrunableStore {
  const layout = storeLayout(directory);
  let prepared: Promise<void> | null = null;
  const writing = async <T>(work: () => Promise<T>): Promise<T> => {
    try {
      prepared ??= prepare(layout);
      await prepared;
      return await work();
    } catch (error) {
      // The folders may be gone or not writable for now: the next write looks again.
      prepared = null;
      throw error;
    }
  };
  return {
    putObject: (content) => writing(() => putObject(layout, content)),
    hasObject: async (sha256) => objectSize(layout, sha256) !== null,
    readObject: (sha256) => readObject(layout, sha256),
    openObject: (sha256) => openObject(layout, sha256),
    publish: (runId, files) => writing(() => publishTree(layout, runId, files).then(() => enterRun(layout, runId))),
    published: (runId) => publishedFiles(layout, runId),
    openPublished: (runId, path) => openPublishedFile(layout, runId, path),
    appendJournal: (runId, entry, after) => writing(() => appendJournal(layout, runId, entry, after)),
    readJournal: (runId, from) => readJournal(layout, runId, from),
    journals: () => listJournals(layout),
    list: () => listRuns(layout),
    locate: (runId) => join(layout.runs, runId),
    removePublished: (runId, paths) => writing(() => removePublished(layout, runId, paths)),
    removeObject: (sha256, before) => writing(() => removeObject(layout, sha256, before)),
  };
}

async function prepare(layout: StoreLayout): Promise<void> {
  const { root, objects, runs, manifests, journals, staging } = layout;
  try {
    const made = await makeFolders(root);
    if (made !== undefined) await syncFolder(dirname(made));
    const folders = [objects, runs, manifests, journals, staging];
    for (const folder of folders) makeMissingFolder(folder);
    await Promise.all(folders.map(syncEntry));
    await removeLeftovers(staging, STAGED);
    await completeListing(layout);
  } catch (error) {
    throw writeError(error, 'prepare its folder');
  }
}

const entryPath = ({ journals }: StoreLayout, runId: string, seq: number): string =>
  join(journals, runId, entryName(seq));

/** Appends an entry, behind all others or only after so many. The folders of the layout exist. */
async function appendJournal(layout: StoreLayout, runId: string, entry: Uint8Array, after?: number): Promise<boolean> {
  if (after !== undefined) return placeEntry(layout, runId, after, entry);
  for (let seq = 0; ; seq += 1) {
    if (timeIsUp()) await nextTurn();
    const isTaken = lstatSync(entryPath(layout, runId, seq), { throwIfNoEntry: false }) !== undefined;
    if (!isTaken && (await placeEntry(layout, runId, seq, entry))) return true;
  }
}

/** Writes an entry aside and links it into its place, which fails when the place is taken. */
async function placeEntry(layout: StoreLayout, runId: string, seq: number, entry: Uint8Array): Promise<boolean> {
  checkRunId(runId);
  checkEntry(runId, seq, entry);
  const folder = join(layout.journals, runId);
  const staged = stagedPath(layout.staging);
  makeMissingFolder(folder);
  await syncEntry(folder);
  await writeNewFile(staged, entry);
  try {
    linkSync(staged, entryPath(layout, runId, seq));
    await syncFolder(folder);
    return true;
  } catch (error) {
    if (systemCode(error) === 'EEXIST') return false;
    throw writeError(error, `append to the journal of ${runId}`);
  } finally {
    removeAside(staged);
  }
}

/** The entries from `from` on, up to the first free place. */
async function readJournal(layout: StoreLayout, runId: string, from = 0): Promise<readonly Uint8Array[]> {
  checkRunId(runId);
  isThere(join(layout.journals, runId));
  const entries: Uint8Array[] = [];
  for (let seq = from; seq < MAX_ENTRIES; seq += 1) {
    const entry = await readIfPresent(entryPath(layout, runId, seq)).catch((error: unknown) => {
      throw readError(error, `read the journal of ${runId}`);
    });
    if (entry === null) break;
    entries.push(entry);
  }
  return entries;
}

/** The runs that have a journal, sorted; none before the first write. */
async function listJournals({ journals }: StoreLayout): Promise<readonly string[]> {
  const names = await readdir(journals).catch((error: unknown) => {
    if (systemCode(error) === 'ENOENT') return [];
    throw readError(error, 'list its journals');
  });
  return names.filter((name) => RUN_ID_PATTERN.test(name)).sort();
}
