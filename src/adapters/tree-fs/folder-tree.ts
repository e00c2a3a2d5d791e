import { createHash } from 'node:crypto';
import { constants } from 'node:fs';
import { type FileHandle, lstat, open, realpath } from 'node:fs/promises';
import { join } from 'node:path';
import { PromptOsError } from '../../contracts/errors.js';
import type { TreeDigest, TreeReader } from '../../ports/tree-reader.js';
import { walkFolder } from './walk-folder.js';

/** Bytes read at once: with a second buffer of this size, reading and hashing go on at the same time. */
const BUFFER_BYTES = 1_048_576;

/**
 * Reads an exported folder. Nothing but plain files is opened, and no link is followed.
 * @throws PromptOsError FILE_NOT_READABLE when there is no such folder
 */
export async function openFolderTree(directory: string): Promise<TreeReader> {
  const root = await realpath(directory).catch((error: unknown) => {
    throw notReadable(directory, error);
  });
  if (!(await lstat(root)).isDirectory()) {
    throw new PromptOsError('FILE_NOT_READABLE', `Expected a folder, found that ${directory} is none.`);
  }
  const opened = async <T>(path: string, use: (file: FileHandle) => Promise<T>): Promise<T> => {
    try {
      await using file = await openPlainFile(root, path);
      return await use(file);
    } catch (error) {
      throw notReadable(path, error);
    }
  };
  return {
    list: async (limits) => {
      const entries = await walkFolder(root, limits).catch((error: unknown) => {
        throw notReadable(directory, error);
      });
      return [...entries].sort((a, b) => (a.path < b.path ? -1 : 1));
    },
    read: (path, most) => opened(path, (file) => readFile(file, most)),
    openStream: (path) => streamFile(root, path),
    digest: (path, most) => opened(path, (file) => digestFile(file, most)),
  };
}

/** Without waiting for a writer: a named pipe must not block the program. */
async function openPlainFile(root: string, path: string): Promise<FileHandle> {
  const file = await open(join(root, path), constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK);
  if ((await file.stat()).isFile()) return file;
  await file.close();
  throw new PromptOsError('FILE_NOT_READABLE', `${path} is no plain file.`);
}

/** Ends at `most` and one byte: a file may grow while it is read, and some say that they have no bytes at all. */
async function readFile(file: FileHandle, most: number): Promise<Uint8Array> {
  const { size } = await file.stat();
  let bytes = Buffer.allocUnsafe(Math.min(size, most) + 1);
  let length = 0;
  for (;;) {
    const { bytesRead } = await file.read(bytes, length, bytes.byteLength - length, null);
    length += bytesRead;
    if (bytesRead === 0 || length > most) return bytes.subarray(0, length);
    if (length < bytes.byteLength) continue;
    const larger = Buffer.allocUnsafe(Math.min(2 * length, most) + 1);
    bytes.copy(larger);
    bytes = larger;
  }
}

async function digestFile(file: FileHandle, most: number): Promise<TreeDigest> {
  const hash = createHash('sha256');
  const { size } = await file.stat();
  const buffers = [
    Buffer.allocUnsafe(Math.min(BUFFER_BYTES, size + 1)),
    Buffer.allocUnsafe(Math.min(BUFFER_BYTES, size + 1)),
  ];
  const readInto = (buffer: Buffer) => file.read(buffer, 0, buffer.byteLength, null);
  let [current, other] = buffers as [Buffer, Buffer];
  let bytes = 0;
  let { bytesRead } = await readInto(current);
  while (bytesRead > 0 && bytes <= most) {
    const next = readInto(other);
    hash.update(current.subarray(0, bytesRead));
    bytes += bytesRead;
    ({ bytesRead } = await next);
    [current, other] = [other, current];
  }
  return { sha256: hash.digest('hex'), bytes };
}

async function* streamFile(root: string, path: string): AsyncIterable<Uint8Array> {
  try {
    await using file = await openPlainFile(root, path);
    for (;;) {
      const buffer = Buffer.allocUnsafe(BUFFER_BYTES / 16);
      const { bytesRead } = await file.read(buffer, 0, buffer.byteLength, null);
      if (bytesRead === 0) return;
      yield buffer.subarray(0, bytesRead);
    }
  } catch (error) {
    throw notReadable(path, error);
  }
}

function notReadable(path: string, error: unknown): unknown {
  if (error instanceof PromptOsError || !(error instanceof Error && 'code' in error)) return error;
  return new PromptOsError('FILE_NOT_READABLE', `Could not read ${path}: ${error.message}.`, { cause: error });
}
