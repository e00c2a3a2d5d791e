import { readdir, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { systemCode } from '../../../contracts/errors.js';
import { RUN_ID_PATTERN } from '../../../contracts/names.js';
import type { PublishedRun } from '../../../ports/artifact-store.js';
import { newestFirst } from '../manifest.js';
import { readError, writeNewFile } from './durable-files.js';
import { readManifest } from './published-trees.js';
import type { StoreLayout } from './store-layout.js';

/*
 * When a run was published is in the name of an empty file, `<milliseconds>.<run_id>`: so a listing reads two folders, and
 * no manifest. It says nothing that the manifests do not say. An entry that is missing is read from there, and the next
 * process that writes into the store makes it.
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
  // Before the trees: a run that is published meanwhile must not look like one that is gone.
  const { known, names } = await readEntries(layout);
  const trees = new Set(await namesOfTrees(layout));
  for (const runId of trees) if (!known.has(runId)) await enterRun(layout, runId);
  for (const [name, runId] of names) {
    if (!trees.has(runId)) await rm(join(layout.listing, name), { force: true }).catch(() => undefined);
  }
}

interface Entries {
  /** The name of the file, and its run. */
  readonly names: readonly (readonly [string, string])[];
  readonly known: ReadonlyMap<string, Date>;
}

/** None in a store that was written before there were any. Of several of one run, the newest counts. */
async function readEntries({ listing }: StoreLayout): Promise<Entries> {
  const found = await readdir(listing).catch(() => []);
  const entries = found.sort().flatMap((name) => {
    const [, time, runId] = ENTRY.exec(name) ?? [];
    return runId === undefined ? [] : [{ name, runId, time: new Date(Number(time)) }];
  });
  return {
    names: entries.map(({ name, runId }) => [name, runId] as const),
    known: new Map(entries.map(({ runId, time }) => [runId, time])),
  };
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
