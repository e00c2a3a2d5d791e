import { createHash } from 'node:crypto';
import { chmodSync, closeSync, fchmodSync, mkdirSync, openSync, statSync, unlinkSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { type ErrorCode, PromptOsError, systemCode } from '../../../contracts/errors.js';
import type { StoredObject } from '../../../ports/artifact-store.js';
import { syncFile } from '../../platform/durable-files.js';
import { nextTurn, SMALL_BYTES, timeIsUp, writeLater } from '../../platform/time-slices.js';

const WRITE_ERRORS: Readonly<Record<string, ErrorCode>> = {
  EACCES: 'STORE_NOT_WRITABLE',
  EPERM: 'STORE_NOT_WRITABLE',
  EROFS: 'STORE_NOT_WRITABLE',
  ENOTDIR: 'STORE_NOT_WRITABLE',
  EISDIR: 'STORE_NOT_WRITABLE',
  EEXIST: 'STORE_NOT_WRITABLE',
  ENOENT: 'STORE_NOT_WRITABLE',
  ENOSPC: 'STORE_FULL',
  EDQUOT: 'STORE_FULL',
};

const READ_ERRORS: Readonly<Record<string, ErrorCode>> = {
  EACCES: 'STORE_NOT_READABLE',
  EPERM: 'STORE_NOT_READABLE',
  ENOTDIR: 'STORE_NOT_READABLE',
};

/** What a failed write into the store means; an error that says nothing about the store comes back as it is. */
export const writeError = (error: unknown, doing: string): unknown => translate(error, doing, WRITE_ERRORS);

/** What a failed read from the store means, apart from missing files. */
export const readError = (error: unknown, doing: string): unknown => translate(error, doing, READ_ERRORS);

function translate(error: unknown, doing: string, table: Readonly<Record<string, ErrorCode>>): unknown {
  const code = table[systemCode(error) ?? ''];
  if (code === undefined) return error;
  return new PromptOsError(code, `The artifact store could not ${doing}: ${(error as Error).message}.`, {
    cause: error,
  });
}

/** Set-group-ID and writable by the group: how a folder says that a group shares it. */
const SHARED = 0o2020;

/** The permissions that folders in a shared folder get, whatever a user's umask says; null for one that is not shared. */
function sharedMode(folder: string): number | null {
  const { mode } = statSync(folder);
  return (mode & SHARED) === SHARED ? mode & 0o7777 : null;
}

/** Makes a folder; in one that a group shares with the permissions of that one. */
export function makeFolder(path: string): void {
  mkdirSync(path);
  const mode = sharedMode(dirname(path));
  if (mode !== null) chmodSync(path, mode);
}

/** Removes a file that was written aside. One that cannot be removed goes with the leftovers of this process. */
export function removeAside(path: string): void {
  try {
    unlinkSync(path);
  } catch {
    // The outcome of the write matters more.
  }
}

/**
 * Writes a new read-only file to the medium. On any failure the file is gone; one that was there before stays.
 * @throws PromptOsError STORE_NOT_WRITABLE, STORE_FULL
 */
export const writeNewFile = (path: string, content: Uint8Array): Promise<void> =>
  newFile(path, async (descriptor) => {
    if (content.byteLength > SMALL_BYTES) await writeLater(descriptor, content);
    else writeFileSync(descriptor, content);
  });

/**
 * The same for content that is streamed, hashing on the way with flat memory.
 * @throws PromptOsError STORE_NOT_WRITABLE, STORE_FULL; an error of the source comes through unchanged
 */
export async function writeNewStream(path: string, content: AsyncIterable<Uint8Array>): Promise<StoredObject> {
  const hash = createHash('sha256');
  let bytes = 0;
  let ofSource: { readonly error: unknown } | null = null;
  async function* read(): AsyncIterable<Uint8Array> {
    try {
      yield* content;
    } catch (error) {
      ofSource = { error };
      throw error;
    }
  }
  try {
    await newFile(path, async (descriptor) => {
      for await (const chunk of read()) {
        hash.update(chunk);
        bytes += chunk.byteLength;
        await writeLater(descriptor, chunk);
      }
    });
  } catch (error) {
    throw ofSource === null ? error : (ofSource as { readonly error: unknown }).error;
  }
  return { sha256: hash.digest('hex'), bytes };
}

async function newFile(path: string, write: (descriptor: number) => Promise<void>): Promise<void> {
  if (timeIsUp()) await nextTurn();
  let descriptor: number;
  try {
    descriptor = openSync(path, 'wx', 0o444);
  } catch (error) {
    // What is there already is another's.
    throw writeError(error, 'write');
  }
  try {
    try {
      if (sharedMode(dirname(path)) !== null) fchmodSync(descriptor, 0o440);
      await write(descriptor);
      await syncFile(descriptor);
    } finally {
      closeSync(descriptor);
    }
  } catch (error) {
    removeAside(path);
    throw writeError(error, 'write');
  }
}
