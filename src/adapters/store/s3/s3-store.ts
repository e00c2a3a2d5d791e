import type { S3StoreConfig } from '../../../contracts/worker-config.js';
import type { ArtifactStore } from '../../../ports/artifact-store.js';
import { collectBytes } from '../checked-bytes.js';
import { checkConditionalWrites } from './conditional-writes.js';
import { abortAbandoned } from './multipart.js';
import { openBucket, type S3Bucket } from './s3-bucket.js';
import { appendJournal, listJournals, readJournal } from './s3-journal.js';
import { headObject, openObject, putObject } from './s3-objects.js';
import { listRuns, manifestKey, openPublishedFile, publishedFiles, publishTree } from './s3-published.js';

/**
 * The artifact store in a bucket of S3, or of a server that speaks it. Nothing is loaded or sent before the first call.
 * Any number of machines may use one; nothing is ever deleted, so no credentials need that permission.
 * Keys: `objects/ab/cdef…`, `runs/<run_id>.json`, `journals/<run_id>/00000000.json`.
 */
export function createS3Store(config: S3StoreConfig): ArtifactStore {
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
