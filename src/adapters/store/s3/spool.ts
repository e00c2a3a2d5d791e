import { createHash, randomUUID } from 'node:crypto';
import { type FileHandle, open, unlink } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { PromptOsError } from '../../../contracts/errors.js';
import type { StoredObject } from '../../../ports/artifact-store.js';

/** Bytes whose digest is known, and that can be read again from any place. */
export interface PartSource extends StoredObject {
  /** The bytes of one part; valid until `buffer` is used again. */
  read(offset: number, length: number, buffer: Uint8Array): Promise<Uint8Array>;
  close(): Promise<void>;
}

export const memorySource = (content: Uint8Array): PartSource => ({
  sha256: createHash('sha256').update(content).digest('hex'),
  bytes: content.byteLength,
  read: async (offset, length) => content.subarray(offset, offset + length),
  close: async () => undefined,
});

/**
 * Reads a stream to its end, since an object's key is its digest. Up to `inMemory` bytes are kept in memory; more go to a
 * temporary file that has no name any more, so that a process which is killed leaves nothing.
 * @throws PromptOsError STORE_NOT_WRITABLE, STORE_FULL for the temporary file; an error of the stream comes through unchanged
 */
export async function spool(content: AsyncIterable<Uint8Array>, inMemory: number): Promise<PartSource> {
  const hash = createHash('sha256');
  const kept: Uint8Array[] = [];
  let bytes = 0;
  let file: FileHandle | null = null;
  try {
    for await (const chunk of content) {
      hash.update(chunk);
      bytes += chunk.byteLength;
      if (file === null && bytes > inMemory) {
        file = await spooling(openUnnamed());
        for (const earlier of kept.splice(0)) await spooling(file.appendFile(earlier));
      }
      if (file === null) kept.push(chunk);
      else await spooling(file.appendFile(chunk));
    }
  } catch (error) {
    await file?.close();
    throw error;
  }
  if (file === null) return memorySource(Buffer.concat(kept));
  return fileSource(file, { sha256: hash.digest('hex'), bytes });
}

const fileSource = (file: FileHandle, stored: StoredObject): PartSource => ({
  ...stored,
  read: async (offset, length, buffer) => {
    let filled = 0;
    while (filled < length) {
      const { bytesRead } = await spooling(file.read(buffer, filled, length - filled, offset + filled));
      if (bytesRead === 0) throw new PromptOsError('STORE_NOT_WRITABLE', 'A temporary file of an upload lost bytes.');
      filled += bytesRead;
    }
    return buffer.subarray(0, length);
  },
  close: () => file.close(),
});

async function openUnnamed(): Promise<FileHandle> {
  const path = join(tmpdir(), `promptos-upload-${process.pid}-${randomUUID()}`);
  const file = await open(path, 'wx+', 0o600);
  await unlink(path);
  return file;
}

async function spooling<T>(work: Promise<T>): Promise<T> {
  try {
    return await work;
  } catch (error) {
    if (error instanceof PromptOsError) throw error;
    const code = (error as { readonly code?: unknown }).code;
    throw new PromptOsError(
      code === 'ENOSPC' || code === 'EDQUOT' ? 'STORE_FULL' : 'STORE_NOT_WRITABLE',
      `An upload to the store needs a temporary file in ${tmpdir()}: ${(error as Error).message}.`,
      { cause: error, hint: 'Free some space there, or name another folder with TMPDIR.' },
    );
  }
}
