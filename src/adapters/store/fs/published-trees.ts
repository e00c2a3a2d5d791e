import { lstatSync } from 'node:fs';
import { realpath, rename, rm } from 'node:fs/promises';
import { dirname, join, sep } from 'node:path';
import { PromptOsError, systemCode } from '../../../contracts/errors.js';
import type { ArtifactRef } from '../../../contracts/primitives.js';
import { counted } from '../../../contracts/sentences.js';
import { syncFolder } from '../../platform/durable-files.js';
import { nextTurn, readIfPresent, readPlainFile, timeIsUp } from '../../platform/time-slices.js';
import { checkRunId, checkTreePath, checkTreePaths } from '../checks.js';
import {
  type Manifest,
  manifestBytes,
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
import { makeFolder, readError, writeError, writeNewFile } from './durable-files.js';
import { copyObject, objectSize, readChecked } from './object-files.js';
import { makeMissingFolder, type StoreLayout, stagedPath, syncEntry } from './store-layout.js';

/** Files of a tree that are written at the same time: each write ends in a wait for the medium. */
const PARALLEL_WRITES = 4;

/**
 * Publishes a tree in two steps, each a rename: the manifest commits the run to these files, then the finished tree
 * moves to `runs/<run_id>`. Killed between the two, the run shows as unpublished, and the next publisher, even of
 * another tree, first completes the committed one.
 */
export async function publishTree(layout: StoreLayout, runId: string, given: readonly ArtifactRef[]): Promise<void> {
  checkRunId(runId);
  checkTreePaths(given.map(({ path }) => path));
  try {
    await publishSorted(layout, runId, sortedFiles(given));
  } catch (error) {
    throw writeError(error, `publish ${runId}`);
  }
}

async function publishSorted(layout: StoreLayout, runId: string, files: readonly ArtifactRef[]): Promise<void> {
  await checkObjects(layout, files);
  if (await completeCommittedTree(layout, runId, files)) return;
  const staged = await stageTree(layout, files);
  try {
    if (treeExists(layout, runId)) {
      if (await completeCommittedTree(layout, runId, files)) return;
      // A folder without a commitment: made by hand, or its manifest is lost.
      throw runTaken(runId);
    }
    if (await commitManifest(layout, newManifest(runId, files))) await moveIntoPlace(layout, staged, runId);
    else await completeCommittedTree(layout, runId, files);
  } finally {
    await rm(staged, { recursive: true, force: true });
  }
}

/** Whether the run was committed to exactly these files before; the committed tree is in place afterwards. */
async function completeCommittedTree(
  layout: StoreLayout,
  runId: string,
  files: readonly ArtifactRef[],
): Promise<boolean> {
  const manifest = await readManifest(layout, runId);
  if (manifest === null) return false;
  if (!treeExists(layout, runId)) {
    const staged = await stageTree(layout, manifest.files);
    try {
      await moveIntoPlace(layout, staged, runId);
    } finally {
      await rm(staged, { recursive: true, force: true });
    }
  }
  if (!sameTree(manifest.files, files)) throw runTaken(runId);
  return true;
}

async function checkObjects(layout: StoreLayout, files: readonly ArtifactRef[]): Promise<void> {
  for (const { path, sha256, bytes } of files) {
    if (timeIsUp()) await nextTurn();
    const size = objectSize(layout, sha256);
    if (size === null) throw new PromptOsError('OBJECT_NOT_FOUND', `The store has no object ${sha256} for ${path}.`);
    if (size !== bytes) {
      throw new PromptOsError(
        'OBJECT_CORRUPT',
        `Expected ${path} to have ${counted(bytes, 'byte')}, object ${sha256} has ${size}.`,
      );
    }
  }
}

/** Copies, never links: an edit of a published file must not reach the object behind it. */
async function stageTree(layout: StoreLayout, files: readonly ArtifactRef[]): Promise<string> {
  const staged = stagedPath(layout.staging);
  const folders = ['', ...foldersOf(files)].map((folder) => join(staged, folder));
  try {
    for (const folder of folders) makeFolder(folder);
    await mapInParallel(files, PARALLEL_WRITES, ({ path, sha256 }) => copyObject(layout, sha256, join(staged, path)));
    await mapInParallel(folders, PARALLEL_WRITES, syncFolder);
    return staged;
  } catch (error) {
    await rm(staged, { recursive: true, force: true });
    throw error;
  }
}

/** The folders of a tree, each behind those that it is in. */
function foldersOf(files: readonly ArtifactRef[]): ReadonlySet<string> {
  const folders = new Set<string>();
  for (const { path } of files) {
    for (let end = path.indexOf('/'); end !== -1; end = path.indexOf('/', end + 1)) folders.add(path.slice(0, end));
  }
  return folders;
}

async function moveIntoPlace({ runs }: StoreLayout, staged: string, runId: string): Promise<void> {
  try {
    await rename(staged, join(runs, runId));
  } catch (error) {
    // Another publisher of the same commitment was quicker.
    if (!isTaken(error)) throw error;
  }
  await syncFolder(runs);
}

/** Whether the run's tree is in place. */
function treeExists({ runs }: StoreLayout, runId: string): boolean {
  try {
    return lstatSync(join(runs, runId)).isDirectory();
  } catch (error) {
    if (systemCode(error) === 'ENOENT') return false;
    throw readError(error, `look up the run ${runId}`);
  }
}

/** The files of a published tree, or null. */
export async function publishedFiles(layout: StoreLayout, runId: string): Promise<readonly ArtifactRef[] | null> {
  checkRunId(runId);
  if (!treeExists(layout, runId)) return null;
  const manifest = await readManifest(layout, runId);
  if (manifest === null)
    throw new PromptOsError('OBJECT_CORRUPT', `The manifest of the published run ${runId} is gone.`);
  return withoutRemoved(manifest.files, await readRemoval(layout, runId));
}

async function readRemoval({ removals }: StoreLayout, runId: string): Promise<Removal | null> {
  const bytes = await readIfPresent(join(removals, `${runId}.json`)).catch((error: unknown) => {
    throw readError(error, `read what was removed from ${runId}`);
  });
  return bytes === null ? null : parseRemoval(bytes, runId);
}

/** Removes files of a tree. The note comes first: killed behind it, the next removal finds the files and goes on. */
export async function removePublished(layout: StoreLayout, runId: string, paths: readonly string[]): Promise<void> {
  for (const path of paths) checkTreePath(path);
  if ((await publishedFiles(layout, runId)) === null) throw notPublished(runId);
  try {
    const note = nextRemoval(runId, await readRemoval(layout, runId), paths);
    if (note !== null) await replaceNote(layout, runId, note);
    const folders = new Set<string>();
    for (const path of paths) {
      const file = join(layout.runs, runId, path);
      const folder = await realpath(dirname(file)).catch(() => null);
      // A link on the way would lead out of the tree: then it is none of the tree's files.
      if (folder !== dirname(join(await realpath(join(layout.runs, runId)), path))) continue;
      await rm(file, { force: true });
      folders.add(folder);
    }
    for (const folder of folders) await syncFolder(folder);
  } catch (error) {
    throw writeError(error, `remove files of ${runId}`);
  }
}

async function replaceNote({ removals, staging }: StoreLayout, runId: string, note: Uint8Array): Promise<void> {
  makeMissingFolder(removals);
  await syncEntry(removals);
  const staged = stagedPath(staging);
  await writeNewFile(staged, note);
  await rename(staged, join(removals, `${runId}.json`));
  await syncFolder(removals);
}

/** A file of the published tree, checked against the manifest. */
export async function* openPublishedFile(layout: StoreLayout, runId: string, path: string): AsyncIterable<Uint8Array> {
  checkTreePath(path);
  const file = publishedFile(await publishedFiles(layout, runId), runId, path);
  const missing = () => treeFileMissing(runId, path);
  const tree = await realpath(join(layout.runs, runId));
  const real = await realpath(join(tree, path)).catch((error: unknown) => {
    throw systemCode(error) === 'ENOENT' ? missing() : error;
  });
  if (!real.startsWith(`${tree}${sep}`)) {
    throw new PromptOsError(
      'PATH_ESCAPES',
      `${path} of the published run ${runId} is a link that leads out of the tree.`,
    );
  }
  yield* readChecked(real, file.sha256, `${path} of run ${runId}`, missing);
}

/**
 * A run's manifest, or null when nothing was ever committed under its id.
 * @throws PromptOsError OBJECT_CORRUPT when it cannot be read as one
 */
export async function readManifest({ manifests }: StoreLayout, runId: string): Promise<Manifest | null> {
  const bytes = await readPlainFile(join(manifests, runId, 'manifest.json')).catch((error: unknown) => {
    if (systemCode(error) === 'ENOENT') return null;
    throw readError(error, `read the manifest of ${runId}`);
  });
  return bytes === null ? null : parseManifest(bytes, runId);
}

/**
 * Commits a run to its tree. A folder with the manifest inside is moved into place: unlike a file it cannot replace
 * another, so of several publishers one wins, on every file system.
 * @returns whether this manifest won
 */
async function commitManifest({ manifests, staging }: StoreLayout, manifest: Manifest): Promise<boolean> {
  const staged = stagedPath(staging);
  try {
    makeFolder(staged);
    await writeNewFile(join(staged, 'manifest.json'), manifestBytes(manifest));
    await syncFolder(staged);
    await rename(staged, join(manifests, manifest.run_id));
    await syncFolder(manifests);
    return true;
  } catch (error) {
    await rm(staged, { recursive: true, force: true });
    if (isTaken(error)) return false;
    throw error;
  }
}

/** Whether a folder could not be moved since another one is there. */
const isTaken = (error: unknown): boolean => ['EEXIST', 'ENOTEMPTY'].includes(systemCode(error) ?? '');
