import { readdir, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { systemCode } from '../../../contracts/errors.js';
import { RUN_ID_PATTERN } from '../../../contracts/names.js';
import type { PublishedRun } from '../../../ports/artifact-store.js';
import { newestFirst } from '../manifest.js';
import { readError, writeNewFile } from './durable-files.js';
import { readManifest } from './published-trees.js';
import { makeMissingFolder, type StoreLayout, syncEntry } from './store-layout.js';

/*
 * When a run was published is in the name of an empty file, `<milliseconds>.<run_id>`: so a listing reads two folders, and
 * no manifest. It says nothing that the manifests do not say. Of a run without an entry, or with several, the manifest is
 * read, and the next process that writes into the store leaves one entry.
 */

const ENTRY = /^(\d{13})\.(.+)$/;
const entryName = (publishedAt: Date, runId: string): string =>
  `${String(publishedAt.getTime()).padStart(13, '0')}.${runId}`;

/** The published runs, the newest first. @throws PromptOsError STORE_NOT_READABLE */
export async function listRuns(layout: StoreLayout): Promise<readonly PublishedRun[]> {
  const { known } = await readEntries(layout);
  const found: PublishedRun[] = [];
  for (const run_id of await namesOfTrees(layout)) {
    found.push({ run_id, published_at: known.get(run_id) ?? (await publishedAt(layout, run_id)) });
  }
  return newestFirst(found);
}

/** Enters a run that is published. */
export async function enterRun(layout: StoreLayout, runId: string): Promise<void> {
  // A run whose manifest is damaged is listed by the time of its folder, until someone has mended it.
  const manifest = await readManifest(layout, runId).catch(() => null);
  if (manifest === null) return;
  // Without it the run is listed all the same.
  const path = join(layout.listing, entryName(new Date(manifest.published_at), runId));
  await writeNewFile(path, new Uint8Array()).catch(() => undefined);
}

/** Makes the entries that are missing, such as those of a store from before, and removes those of trees that are gone. */
export async function completeListing(layout: StoreLayout): Promise<void> {
  try {
    makeMissingFolder(layout.listing);
    await syncEntry(layout.listing);
  } catch (error) {
    // A store from before whose folders can be written, and itself cannot: only its listing takes longer.
    if (['EACCES', 'EPERM', 'EROFS'].includes(systemCode(error) ?? '')) return;
    throw error;
  }
  // Before the trees: a run that is published meanwhile must not look like one that is gone.
  const { known, names } = await readEntries(layout);
  const trees = new Set(await namesOfTrees(layout));
  for (const [name, runId] of names) {
    if (!trees.has(runId) || !known.has(runId))
      await rm(join(layout.listing, name), { force: true }).catch(() => undefined);
  }
  for (const runId of trees) if (!known.has(runId)) await enterRun(layout, runId);
}

interface Entries {
  /** The name of the file, and its run. */
  readonly names: readonly (readonly [string, string])[];
  readonly known: ReadonlyMap<string, Date>;
}

/**
 * None in a store that was written before there were any. Of several of one run, such as of one that was removed by hand and
 * published again, none counts.
 */
async function readEntries({ listing }: StoreLayout): Promise<Entries> {
  const found = await readdir(listing).catch(() => []);
  const entries = found.flatMap((name) => {
    const [, time, runId] = ENTRY.exec(name) ?? [];
    return runId === undefined ? [] : [{ name, runId, time: new Date(Number(time)) }];
  });
  const known = new Map<string, Date>();
  const several = new Set<string>();
  for (const { runId, time } of entries) {
    if (known.has(runId)) several.add(runId);
    known.set(runId, time);
  }
  for (const runId of several) known.delete(runId);
  return { names: entries.map(({ name, runId }) => [name, runId] as const), known };
}

async function namesOfTrees({ runs }: StoreLayout): Promise<readonly string[]> {
  const found = await readdir(runs, { withFileTypes: true }).catch((error: unknown) => {
    if (systemCode(error) === 'ENOENT') return [];
    throw readError(error, 'list its runs');
  });
  return found.filter((entry) => entry.isDirectory() && RUN_ID_PATTERN.test(entry.name)).map(({ name }) => name);
}

async function publishedAt(layout: StoreLayout, runId: string): Promise<Date> {
  // One damaged manifest must not hide the other runs; reading this run says what is wrong with it.
  const manifest = await readManifest(layout, runId).catch(() => null);
  return manifest === null ? (await stat(join(layout.runs, runId))).mtime : new Date(manifest.published_at);
}
