import { PromptOsError } from '../../../contracts/errors.js';
import { RUN_ID_PATTERN } from '../../../contracts/names.js';
import type { ArtifactRef } from '../../../contracts/primitives.js';
import type { PublishedRun } from '../../../ports/artifact-store.js';
import { checkRunId, checkTreePath, checkTreePaths } from '../checks.js';
import {
  type Manifest,
  manifestBytes,
  newestFirst,
  newManifest,
  parseManifest,
  runTaken,
  sameTree,
  sortedFiles,
} from '../manifest.js';
import { mapInParallel } from '../parallel.js';
import { PARALLEL_REQUESTS, type S3Bucket } from './s3-bucket.js';
import { checkObjects, openObject, readWhole } from './s3-objects.js';

const MANIFESTS = 'runs/';
/** A published tree is its manifest: the files in it are objects of the store. */
export const manifestKey = (runId: string): string => `${MANIFESTS}${runId}.json`;
/** The metadata that spares a listing the manifests themselves. */
const PUBLISHED_AT = 'promptos-published-at';

/** Publishes a tree with one conditional write, so of several publishers one wins. */
export async function publishTree(bucket: S3Bucket, runId: string, given: readonly ArtifactRef[]): Promise<void> {
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

export async function publishedFiles(bucket: S3Bucket, runId: string): Promise<readonly ArtifactRef[] | null> {
  checkRunId(runId);
  return (await readManifest(bucket, runId))?.files ?? null;
}

/** A file of a published tree, checked against the manifest. */
export async function* openPublishedFile(bucket: S3Bucket, runId: string, path: string): AsyncIterable<Uint8Array> {
  checkTreePath(path);
  const files = await publishedFiles(bucket, runId);
  if (files === null) throw new PromptOsError('RUN_NOT_PUBLISHED', `Run ${runId} has no published tree.`);
  const missing = () => new PromptOsError('OBJECT_NOT_FOUND', `The published tree of ${runId} has no file ${path}.`);
  const file = files.find((candidate) => candidate.path === path);
  if (file === undefined) throw missing();
  yield* openObject(bucket, file.sha256, `${path} of run ${runId}`, missing);
}

export async function listRuns(bucket: S3Bucket): Promise<readonly PublishedRun[]> {
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
