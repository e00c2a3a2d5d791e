import { createHash } from 'node:crypto';
import { constants } from 'node:fs';
import { type FileHandle, open, realpath } from 'node:fs/promises';
import { PromptOsError } from '../../contracts/errors.js';
import type { TreeEntry, TreeReader } from '../../ports/tree-reader.js';
import { indexBundle, type PlacedEntry } from './index-bundle.js';

/** Bytes that are read at once. */
const CHUNK_BYTES = 65_536;

/**
 * Reads a tree in its bundle, where it is: nothing is unpacked, so that no name of a bundle ever becomes one of the file
 * system, and a small bundle cannot grow. What is no bundle shows when its entries are listed.
 * @throws PromptOsError FILE_NOT_READABLE when there is no such file
 */
export async function openBundleTree(file: string): Promise<TreeReader> {
  const path = await realpath(file).catch((error: unknown) => {
    throw notReadable(file, error);
  });
  await withFile(path, async () => undefined);
  let index: ReadonlyMap<string, PlacedEntry> = new Map();
  const placed = (name: string): PlacedEntry => {
    const entry = index.get(name);
    if (entry?.kind === 'file') return entry;
    throw new PromptOsError('FILE_NOT_READABLE', `The bundle has no file ${JSON.stringify(name)}.`);
  };
  return {
    list: (limits) =>
      withFile(path, async (handle) => {
        const entries = await indexBundle(handle, limits.entries);
        index = new Map(entries.map((entry) => [entry.path, entry]));
        return entries.map(({ path, kind, bytes }): TreeEntry => ({ path, kind, bytes }));
      }),
    read: async (name, most) => {
      const { offset, bytes } = placed(name);
      const chunks: Uint8Array[] = [];
      for await (const chunk of pieces(path, offset, Math.min(bytes, most + 1))) chunks.push(chunk);
      return Buffer.concat(chunks);
    },
    openStream: async function* (name) {
      const { offset, bytes } = placed(name);
      yield* pieces(path, offset, bytes);
    },
    digest: async (name, most) => {
      const { offset, bytes: listed } = placed(name);
      const hash = createHash('sha256');
      let bytes = 0;
      for await (const chunk of pieces(path, offset, Math.min(listed, most + 1))) {
        hash.update(chunk);
        bytes += chunk.byteLength;
      }
      return { sha256: hash.digest('hex'), bytes };
    },
  };
}

async function* pieces(path: string, offset: number, bytes: number): AsyncGenerator<Uint8Array> {
  const handle = await openFile(path);
  try {
    for (let done = 0; done < bytes; ) {
      const buffer = Buffer.allocUnsafe(Math.min(CHUNK_BYTES, bytes - done));
      const { bytesRead } = await handle.read(buffer, 0, buffer.byteLength, offset + done);
      if (bytesRead === 0) return;
      done += bytesRead;
      yield buffer.subarray(0, bytesRead);
    }
  } catch (error) {
    throw notReadable(path, error);
  } finally {
    await handle.close();
  }
}

async function withFile<T>(path: string, use: (handle: FileHandle) => Promise<T>): Promise<T> {
  const handle = await openFile(path);
  try {
    return await use(handle);
  } catch (error) {
    throw notReadable(path, error);
  } finally {
    await handle.close();
  }
}

/** No link is followed, and no named pipe blocks the program. */
async function openFile(path: string): Promise<FileHandle> {
  const handle = await open(path, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK).catch(
    (error: unknown) => {
      throw notReadable(path, error);
    },
  );
  if ((await handle.stat()).isFile()) return handle;
  await handle.close();
  throw new PromptOsError('FILE_NOT_READABLE', `${path} is no plain file.`);
}

function notReadable(path: string, error: unknown): unknown {
  if (error instanceof PromptOsError || !(error instanceof Error && 'code' in error)) return error;
  return new PromptOsError('FILE_NOT_READABLE', `Could not read ${path}: ${error.message}.`, { cause: error });
}
