import { createHash } from 'node:crypto';
import { type FileHandle, open, rename, rm, stat } from 'node:fs/promises';
import { dirname } from 'node:path';
import { type PromptOsError, systemCode } from '../../../contracts/errors.js';
import type { StoredObject } from '../../../ports/artifact-store.js';
import { syncFolder } from '../../platform/durable-files.js';
import { checkedBytes, objectMissing } from '../checked-bytes.js';
import { readError, writeError, writeNewFile } from './durable-files.js';
import { ensureFolder, objectPath, type StoreLayout, stagedPath } from './store-layout.js';

const READ_BYTES = 256 * 1_024;

/** The object's size in bytes, or null when the store does not have it. */
export async function objectSize(layout: StoreLayout, sha256: string): Promise<number | null> {
  const path = objectPath(layout, sha256);
  if (path === null) return null;
  try {
    return (await stat(path)).size;
  } catch (error) {
    if (systemCode(error) === 'ENOENT') return null;
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
  if (content instanceof Uint8Array) {
    const known = { sha256: createHash('sha256').update(content).digest('hex'), bytes: content.byteLength };
    if (await alreadyThere(layout, known)) return known;
  }
  const staged = stagedPath(layout.staging);
  const stored = await writeNewFile(staged, content);
  try {
    if (await alreadyThere(layout, stored)) {
      await rm(staged);
      return stored;
    }
    const path = objectPath(layout, stored.sha256) as string;
    await ensureFolder(layout.objects, dirname(path));
    await rename(staged, path);
    await syncFolder(dirname(path));
    return stored;
  } catch (error) {
    await rm(staged, { force: true }).catch(() => undefined);
    throw writeError(error, `put ${stored.sha256}`);
  }
}

async function alreadyThere(layout: StoreLayout, { sha256, bytes }: StoredObject): Promise<boolean> {
  if ((await objectSize(layout, sha256)) !== bytes) return false;
  // Its writer may have been killed before the folder was forced to the medium.
  await syncFolder(dirname(objectPath(layout, sha256) as string));
  return true;
}

/**
 * The object, checked against its digest at the end of the stream.
 * @throws PromptOsError OBJECT_NOT_FOUND, OBJECT_CORRUPT, STORE_NOT_READABLE
 */
export async function* openObject(layout: StoreLayout, sha256: string): AsyncIterable<Uint8Array> {
  const path = objectPath(layout, sha256);
  const missing = () => objectMissing(sha256);
  if (path === null) throw missing();
  yield* readChecked(path, sha256, `object ${sha256}`, missing);
}

/** Streams a file and fails with OBJECT_CORRUPT at its end when its digest is another. */
export async function* readChecked(
  path: string,
  sha256: string,
  what: string,
  missing: () => PromptOsError,
): AsyncIterable<Uint8Array> {
  const handle = await open(path, 'r').catch((error: unknown): never => {
    throw systemCode(error) === 'ENOENT' ? missing() : readError(error, `read ${what}`);
  });
  try {
    yield* checkedBytes(chunks(handle), sha256, what);
  } finally {
    await handle.close();
  }
}

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
