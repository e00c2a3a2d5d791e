import { link, readdir, readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { RUN_ID_PATTERN } from '../../../contracts/names.js';
import { systemCode } from '../../../contracts/system-code.js';
import { syncFolder } from '../../platform/durable-files.js';
import { checkEntry, entryName, MAX_ENTRIES } from '../journal-entries.js';
import { checkRunId } from '../tree-paths.js';
import { writeNewFile } from './durable-files.js';
import { readError, writeError } from './store-errors.js';
import { checkIsNoLink, ensureFolder, type StoreLayout, stagedPath } from './store-layout.js';

const entryPath = ({ journals }: StoreLayout, runId: string, seq: number): string =>
  join(journals, runId, entryName(seq));

/** Appends an entry, behind all others or only after so many. The folders of the layout exist. */
export async function appendJournal(
  layout: StoreLayout,
  runId: string,
  entry: Uint8Array,
  after?: number,
): Promise<boolean> {
  if (after !== undefined) return placeEntry(layout, runId, after, entry);
  let seq = 0;
  do {
    seq += (await readJournal(layout, runId, seq)).length;
  } while (!(await placeEntry(layout, runId, seq, entry)));
  return true;
}

/** Writes an entry aside and links it into its place, which fails when the place is taken. */
async function placeEntry(layout: StoreLayout, runId: string, seq: number, entry: Uint8Array): Promise<boolean> {
  checkRunId(runId);
  checkEntry(runId, seq, entry);
  const folder = join(layout.journals, runId);
  const staged = stagedPath(layout.staging);
  await ensureFolder(layout.journals, folder);
  await writeNewFile(staged, entry);
  try {
    await link(staged, entryPath(layout, runId, seq));
    await syncFolder(folder);
    return true;
  } catch (error) {
    if (systemCode(error) === 'EEXIST') return false;
    throw writeError(error, `append to the journal of ${runId}`);
  } finally {
    await rm(staged, { force: true }).catch(() => undefined);
  }
}

/** The entries from `from` on, up to the first free place. */
export async function readJournal(layout: StoreLayout, runId: string, from = 0): Promise<readonly Uint8Array[]> {
  checkRunId(runId);
  await checkIsNoLink(join(layout.journals, runId));
  const entries: Uint8Array[] = [];
  for (let seq = from; seq < MAX_ENTRIES; seq += 1) {
    const entry = await readFile(entryPath(layout, runId, seq)).catch((error: unknown) => {
      if (systemCode(error) === 'ENOENT') return null;
      throw readError(error, `read the journal of ${runId}`);
    });
    if (entry === null) break;
    entries.push(entry);
  }
  return entries;
}

/** The runs that have a journal, sorted; none before the first write. */
export async function listJournals({ journals }: StoreLayout): Promise<readonly string[]> {
  const names = await readdir(journals).catch((error: unknown) => {
    if (systemCode(error) === 'ENOENT') return [];
    throw readError(error, 'list its journals');
  });
  return names.filter((name) => RUN_ID_PATTERN.test(name)).sort();
}
