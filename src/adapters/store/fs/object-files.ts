import { createHash } from 'node:crypto';
import { renameSync, statSync, unlinkSync, utimesSync } from 'node:fs';
import { type FileHandle, open } from 'node:fs/promises';
import { dirname } from 'node:path';
import { type PromptOsError, systemCode } from '../../../contracts/errors.js';
import type { StoredObject } from '../../../ports/artifact-store.js';
import { syncFolder } from '../../platform/durable-files.js';
import { readIfSmall } from '../../platform/time-slices.js';
import { checkDigest, checkedBytes, collectBytes, objectMissing } from '../checked-bytes.js';
import { REFRESH_MS } from '../manifest.js';
import { readError, removeAside, writeError, writeNewFile, writeNewStream } from './durable-files.js';
import { makeMissingFolder, objectPath, type StoreLayout, stagedPath, syncEntry } from './store-layout.js';

const READ_BYTES = 256 * 1_024;

/** The object's size in bytes, or null when the store does not have it. */
export function objectSize(layout: StoreLayout, sha256: string): number | null {
  const path = objectPath(layout, sha256);
  if (path === null) return null;
  try {
    // Most are asked for before they are put: an error for each that is missing would cost more than the look.
    return statSync(path, { throwIfNoEntry: false })?.size ?? null;
  } catch (error) {
    throw readError(error, `look up ${sha256}`);
  }
}

/**
 * Puts bytes durably: written aside, forced to the medium, moved into place. The folders of the layout exist.
 * An object of the wrong size in that place, left by a failing medium, is replaced.
 */
export async function putObject(
  layout: StoreLayout,
  content: Uint8Array | AsyncIterable<Uint8Array>,
): Promise<StoredObject> {
  const staged = stagedPath(layout.staging);
  let stored: StoredObject;
  if (content instanceof Uint8Array) {
    stored = { sha256: sha256Of(content), bytes: content.byteLength };
    if (await alreadyThere(layout, stored)) return stored;
    await writeNewFile(staged, content);
  } else {
    stored = await writeNewStream(staged, content);
  }
  try {
    if (await alreadyThere(layout, stored)) {
      removeAside(staged);
      return stored;
    }
    const path = objectPath(layout, stored.sha256) as string;
    makeMissingFolder(dirname(path));
    renameSync(staged, path);
    await syncPlace(path);
    return stored;
  } catch (error) {
    removeAside(staged);
    throw writeError(error, `put ${stored.sha256}`);
  }
}

const sha256Of = (content: Uint8Array): string => createHash('sha256').update(content).digest('hex');

async function alreadyThere(layout: StoreLayout, { sha256, bytes }: StoredObject): Promise<boolean> {
  if (objectSize(layout, sha256) !== bytes) return false;
  const path = objectPath(layout, sha256) as string;
  if (!isRefreshed(path)) return false;
  await syncPlace(path);
  return true;
}

/** Marks an object as put now. One that is gone meanwhile, or another account's, is written again. */
function isRefreshed(path: string): boolean {
  try {
    const now = new Date();
    if (now.getTime() - statSync(path).mtimeMs > REFRESH_MS) utimesSync(path, now, now);
    return true;
  } catch (error) {
    if (['ENOENT', 'EPERM', 'EACCES'].includes(systemCode(error) ?? '')) return false;
    throw error;
  }
}

/**
 * Removes an object that was not put since `before`. It is moved aside first: what was put while that was judged is seen
 * then, and moved back.
 */
export async function removeObject(layout: StoreLayout, sha256: string, before: Date): Promise<boolean> {
  const path = objectPath(layout, sha256);
  const isOld = (file: string): boolean => statSync(file).mtimeMs < before.getTime();
  if (path === null || objectSize(layout, sha256) === null) return true;
  try {
    if (!isOld(path)) return false;
    const staged = stagedPath(layout.staging);
    renameSync(path, staged);
    if (isOld(staged)) unlinkSync(staged);
    else renameSync(staged, path);
    await syncFolder(dirname(path));
    return objectSize(layout, sha256) === null;
  } catch (error) {
    // Another process that removes it was quicker.
    if (systemCode(error) === 'ENOENT') return objectSize(layout, sha256) === null;
    throw writeError(error, `remove ${sha256}`);
  }
}

/** Forces the places of an object and of its folder to the medium. */
const syncPlace = (path: string): Promise<unknown> => Promise.all([syncEntry(dirname(path)), syncEntry(path)]);

const missingObject = (sha256: string) => (): PromptOsError => objectMissing(sha256);

/**
 * The object, checked against its digest at the end of the stream.
 * @throws PromptOsError OBJECT_NOT_FOUND, OBJECT_CORRUPT, STORE_NOT_READABLE
 */
export async function* openObject(layout: StoreLayout, sha256: string): AsyncIterable<Uint8Array> {
  const path = objectPath(layout, sha256);
  if (path === null) throw objectMissing(sha256);
  yield* readChecked(path, sha256, `object ${sha256}`, missingObject(sha256));
}

/** The whole object, checked. @throws PromptOsError OBJECT_NOT_FOUND, OBJECT_CORRUPT, STORE_NOT_READABLE */
export async function readObject(layout: StoreLayout, sha256: string): Promise<Uint8Array> {
  const path = objectPath(layout, sha256);
  if (path === null) throw objectMissing(sha256);
  const small = await readSmall(path, sha256, `object ${sha256}`, missingObject(sha256));
  return small ?? collectBytes(openObject(layout, sha256));
}

/** Streams a file and fails with OBJECT_CORRUPT at its end when its digest is another. */
export async function* readChecked(
  path: string,
  sha256: string,
  what: string,
  missing: () => PromptOsError,
): AsyncIterable<Uint8Array> {
  const small = await readSmall(path, sha256, what, missing);
  if (small !== null) {
    yield small;
    return;
  }
  const handle = await open(path, 'r').catch(unreadable(what, missing));
  try {
    yield* checkedBytes(chunks(handle), sha256, what);
  } finally {
    await handle.close();
  }
}

/** Copies an object to a new file, checked. @throws as `openObject` and `writeNewFile` do */
export async function copyObject(layout: StoreLayout, sha256: string, to: string): Promise<void> {
  const path = objectPath(layout, sha256);
  if (path === null) throw objectMissing(sha256);
  const small = await readSmall(path, sha256, `object ${sha256}`, missingObject(sha256));
  if (small === null) await writeNewStream(to, openObject(layout, sha256));
  else await writeNewFile(to, small);
}

/** The same at once for a small file; null for a larger one. */
async function readSmall(
  path: string,
  sha256: string,
  what: string,
  missing: () => PromptOsError,
): Promise<Uint8Array | null> {
  const bytes = await readIfSmall(path).catch(unreadable(what, missing));
  if (bytes !== null) checkDigest(sha256Of(bytes), sha256, what);
  return bytes;
}

const unreadable =
  (what: string, missing: () => PromptOsError) =>
  (error: unknown): never => {
    throw systemCode(error) === 'ENOENT' ? missing() : readError(error, `read ${what}`);
  };

/** A file in pieces. Buffers have the size that is left to read: large ones for small files would keep the garbage collector busy. */
async function* chunks(handle: FileHandle): AsyncIterable<Uint8Array> {
  const { size } = await handle.stat();
  for (let done = 0; ; ) {
    // One byte more than is left, so that the end is seen without another read.
    const buffer = Buffer.allocUnsafe(Math.min(READ_BYTES, Math.max(size - done, 0) + 1));
    const { bytesRead } = await handle.read(buffer, 0, buffer.length, null);
    if (bytesRead > 0) yield buffer.subarray(0, bytesRead);
    done += bytesRead;
    if (bytesRead === 0 || (done === size && bytesRead < buffer.length)) return;
  }
}
