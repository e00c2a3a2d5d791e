import type { S3StoreConfig } from '../../../contracts/config/store-config.js';
import { PromptOsError } from '../../../contracts/errors.js';
import { RUN_ID_PATTERN } from '../../../contracts/names.js';
import type { ArtifactRef } from '../../../contracts/primitives.js';
import type { PrunableStore, PublishedRun } from '../../../ports/artifact-store.js';
import { collectBytes } from '../checked-bytes.js';
import { checkEntry, checkRunId, checkTreePath, checkTreePaths, entryName, MAX_ENTRIES } from '../checks.js';
import {
  type Manifest,
  manifestBytes,
  newestFirst,
  newManifest,
  nextRemoval,
  notPublished,
  parseManifest,
  parseRemoval,
  publishedFile,
  type Removal,
  runTaken,
  sameTree,
  sortedFiles,
  treeFileMissing,
  withoutRemoved,
} from '../manifest.js';
import { mapInParallel } from '../parallel.js';
import { openBucket, PARALLEL_REQUESTS, type S3Bucket } from './s3-bucket.js';
import { checkObjects, headObject, openObject, putObject, readWhole, removeObject } from './s3-objects.js';
import { abortAbandoned } from './uploads.js';

/**
 * The artifact store in a bucket of S3, or of a server that speaks it. Nothing is loaded or sent before the first call.
 * Any number of machines may use one. Only `removePublished` and `removeObject` take anything away, so no other credentials
 * need that permission.
 * Keys: `objects/ab/cdef…`, `runs/<run_id>.json`, `journals/<run_id>/00000000.json`.
 */
export function createS3Store(config: S3StoreConfig): PrunableStore {
  const bucket = openBucket(config);
  let prepared: Promise<void> | null = null;
  const writing = async <T>(work: () => Promise<T>): Promise<T> => {
    try {
      prepared ??= prepare(bucket);
      await prepared;
    } catch (error) {
      // The next write looks again.
      prepared = null;
      throw error;
    }
    return work();
  };
  return {
    putObject: (content) => writing(() => putObject(bucket, content)),
    hasObject: async (sha256) => (await headObject(bucket, sha256)) !== null,
    readObject: (sha256) => collectBytes(openObject(bucket, sha256)),
    openObject: (sha256) => openObject(bucket, sha256),
    publish: (runId, files) => writing(() => publishTree(bucket, runId, files)),
    published: (runId) => publishedFiles(bucket, runId),
    openPublished: (runId, path) => openPublishedFile(bucket, runId, path),
    appendJournal: (runId, entry, after) => writing(() => appendJournal(bucket, runId, entry, after)),
    readJournal: (runId, from) => readJournal(bucket, runId, from),
    journals: () => listJournals(bucket),
    list: () => listRuns(bucket),
    locate: (runId) => `${bucket.place.url}/${manifestKey(runId)}`,
    removePublished: (runId, paths) => writing(() => removePublished(bucket, runId, paths)),
    removeObject: (sha256, before) => writing(() => removeObject(bucket, sha256, before)),
  };
}

async function prepare(bucket: S3Bucket): Promise<void> {
  await checkConditionalWrites(bucket);
  // Only tidying: a rule of the bucket may do it, and the permission may be missing.
  await abortAbandoned(bucket).catch(() => undefined);
}

/**
 * Asks the server whether the store can be read and written from here.
 * @throws PromptOsError STORE_NOT_READABLE, STORE_NOT_WRITABLE, STORE_FULL with what to do about it
 */
export async function checkS3Store(config: S3StoreConfig): Promise<void> {
  const bucket = openBucket(config);
  await bucket.list('runs/');
  await checkConditionalWrites(bucket);
}

const PROBE_KEY = 'conditional-writes';
const PROBE_TEXT = 'That this object is written only once shows that the server keeps If-None-Match.\n';

/**
 * Refuses a server that takes a conditional write and ignores the condition: journals and published runs would be
 * overwritten there without a word. One small object stays, so that later checks are one request.
 * @throws PromptOsError STORE_NOT_WRITABLE
 */
async function checkConditionalWrites(bucket: S3Bucket): Promise<void> {
  const write = () => bucket.put(PROBE_KEY, new TextEncoder().encode(PROBE_TEXT), { ifAbsent: true });
  if (!(await write()) || !(await write())) return;
  throw new PromptOsError(
    'STORE_NOT_WRITABLE',
    `The server of ${bucket.place.url} overwrites what a conditional write (If-None-Match) must not.`,
    { hint: 'Use AWS S3, or a server that keeps conditional writes; docs/stores.md names some.' },
  );
}

const JOURNALS = 'journals/';
const folder = (runId: string): string => `${JOURNALS}${runId}/`;
const entryKey = (runId: string, seq: number): string => `${folder(runId)}${entryName(seq)}`;

/** Appends an entry, behind all others or only after so many. The bucket refuses the second write of one place. */
async function appendJournal(bucket: S3Bucket, runId: string, entry: Uint8Array, after?: number): Promise<boolean> {
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
async function readJournal(bucket: S3Bucket, runId: string, from = 0): Promise<readonly Uint8Array[]> {
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
async function listJournals(bucket: S3Bucket): Promise<readonly string[]> {
  const names = (await bucket.folders(JOURNALS)).map((key) => key.slice(JOURNALS.length).replace(/\/$/, ''));
  return names.filter((name) => RUN_ID_PATTERN.test(name)).sort();
}

const MANIFESTS = 'runs/';
/** A published tree is its manifest: the files in it are objects of the store. */
const manifestKey = (runId: string): string => `${MANIFESTS}${runId}.json`;
/** The metadata that spares a listing the manifests themselves. */
const PUBLISHED_AT = 'promptos-published-at';

/** Publishes a tree with one conditional write, so of several publishers one wins. */
async function publishTree(bucket: S3Bucket, runId: string, given: readonly ArtifactRef[]): Promise<void> {
  checkRunId(runId);
  checkTreePaths(given.map(({ path }) => path));
  const files = sortedFiles(given);
  await checkObjects(bucket, files);
  const manifest = newManifest(runId, files);
  const metadata = { [PUBLISHED_AT]: manifest.published_at };
  if (await bucket.put(manifestKey(runId), manifestBytes(manifest), { ifAbsent: true, metadata })) return;
  const committed = await readManifest(bucket, runId);
  if (committed === null || !sameTree(committed.files, files)) throw runTaken(runId);
}

async function readManifest(bucket: S3Bucket, runId: string): Promise<Manifest | null> {
  const bytes = await readWhole(bucket, manifestKey(runId));
  return bytes === null ? null : parseManifest(bytes, runId);
}

async function publishedFiles(bucket: S3Bucket, runId: string): Promise<readonly ArtifactRef[] | null> {
  checkRunId(runId);
  const manifest = await readManifest(bucket, runId);
  return manifest === null ? null : withoutRemoved(manifest.files, await readRemoval(bucket, runId));
}

const removalKey = (runId: string): string => `removals/${runId}.json`;

async function readRemoval(bucket: S3Bucket, runId: string): Promise<Removal | null> {
  const bytes = await readWhole(bucket, removalKey(runId));
  return bytes === null ? null : parseRemoval(bytes, runId);
}

/** A tree here is a list of objects, so the note is all that there is to do. */
async function removePublished(bucket: S3Bucket, runId: string, paths: readonly string[]): Promise<void> {
  for (const path of paths) checkTreePath(path);
  if ((await publishedFiles(bucket, runId)) === null) throw notPublished(runId);
  const note = nextRemoval(runId, await readRemoval(bucket, runId), paths);
  if (note !== null) await bucket.put(removalKey(runId), note, { ifAbsent: false });
}

/** A file of a published tree, checked against the manifest. */
async function* openPublishedFile(bucket: S3Bucket, runId: string, path: string): AsyncIterable<Uint8Array> {
  checkTreePath(path);
  const file = publishedFile(await publishedFiles(bucket, runId), runId, path);
  const missing = () => treeFileMissing(runId, path);
  yield* openObject(bucket, file.sha256, `${path} of run ${runId}`, missing);
}

async function listRuns(bucket: S3Bucket): Promise<readonly PublishedRun[]> {
  const keys = (await bucket.list(MANIFESTS)).filter((key) => RUN_ID_PATTERN.test(runIdOf(key)));
  const runs = await mapInParallel(keys, PARALLEL_REQUESTS, async (key): Promise<PublishedRun> => {
    const head = await bucket.head(key);
    const said = new Date(head?.metadata[PUBLISHED_AT] ?? Number.NaN);
    // Copies of a bucket may have lost the metadata; they have a time of their own.
    const published_at = Number.isNaN(said.getTime()) ? (head?.modified ?? new Date(0)) : said;
    return { run_id: runIdOf(key), published_at };
  });
  return newestFirst(runs);
}

const runIdOf = (key: string): string => key.slice(MANIFESTS.length).replace(/\.json$/, '');
