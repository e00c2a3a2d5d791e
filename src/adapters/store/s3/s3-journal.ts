import { PromptOsError } from '../../../contracts/errors.js';
import { RUN_ID_PATTERN } from '../../../contracts/names.js';
import { mapInParallel } from '../in-parallel.js';
import { checkEntry, entryName, MAX_ENTRIES } from '../journal-entries.js';
import { checkRunId } from '../tree-paths.js';
import { PARALLEL_REQUESTS, type S3Bucket } from './s3-bucket.js';
import { readWhole } from './s3-read.js';

const JOURNALS = 'journals/';
const folder = (runId: string): string => `${JOURNALS}${runId}/`;
const entryKey = (runId: string, seq: number): string => `${folder(runId)}${entryName(seq)}`;

/** Appends an entry, behind all others or only after so many. The bucket refuses the second write of one place. */
export async function appendJournal(
  bucket: S3Bucket,
  runId: string,
  entry: Uint8Array,
  after?: number,
): Promise<boolean> {
  checkRunId(runId);
  const place = (seq: number): Promise<boolean> => {
    checkEntry(runId, seq, entry);
    return bucket.put(entryKey(runId, seq), entry, { ifAbsent: true });
  };
  if (after !== undefined) return place(after);
  let seq = 0;
  do {
    seq += (await entryKeys(bucket, runId, seq)).length;
  } while (!(await place(seq)));
  return true;
}

/** The entries from `from` on, up to the first free place. */
export async function readJournal(bucket: S3Bucket, runId: string, from = 0): Promise<readonly Uint8Array[]> {
  checkRunId(runId);
  return mapInParallel(await entryKeys(bucket, runId, from), PARALLEL_REQUESTS, async (key) => {
    const entry = await readWhole(bucket, key);
    if (entry === null) throw new PromptOsError('OBJECT_CORRUPT', `The entry ${key} of a journal was removed.`);
    return entry;
  });
}

/** The keys of the entries from `from` on, up to the first free place. */
async function entryKeys(bucket: S3Bucket, runId: string, from: number): Promise<readonly string[]> {
  const found = await bucket.list(folder(runId), from === 0 ? undefined : entryKey(runId, from - 1));
  const keys: string[] = [];
  for (const key of found) {
    if (key !== entryKey(runId, from + keys.length) || from + keys.length >= MAX_ENTRIES) break;
    keys.push(key);
  }
  return keys;
}

/** The runs that have a journal, sorted. */
export async function listJournals(bucket: S3Bucket): Promise<readonly string[]> {
  const names = (await bucket.folders(JOURNALS)).map((key) => key.slice(JOURNALS.length).replace(/\/$/, ''));
  return names.filter((name) => RUN_ID_PATTERN.test(name)).sort();
}
