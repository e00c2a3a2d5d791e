import { createHash } from 'node:crypto';
import { constants, type Dirent } from 'node:fs';
import { type FileHandle, lstat, open, readdir, realpath } from 'node:fs/promises';
import { join } from 'node:path';
import { PromptOsError } from '../../contracts/errors.js';
import type { TreeDigest, TreeEntry, TreeReader } from '../../ports/tree-reader.js';

/** Bytes read at once: with a second buffer of this size, reading and hashing go on at the same time. */
const BUFFER_BYTES = 1_048_576;
/** Folders below folders; a deeper one is none of ours. */
const MAX_DEPTH = 32;

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
    list: async () => {
      const entries: TreeEntry[] = [];
      await walk(root, '', 0, entries).catch((error: unknown) => {
        throw notReadable(directory, error);
      });
      return entries.sort((a, b) => (a.path < b.path ? -1 : 1));
    },
    read: (path) => opened(path, (file) => file.readFile()),
    openStream: (path) => streamFile(root, path),
    digest: (path) => opened(path, digestFile),
  };
}

async function walk(root: string, prefix: string, depth: number, found: TreeEntry[]): Promise<void> {
  for (const entry of await readdir(join(root, prefix), { withFileTypes: true })) {
    const path = `${prefix}${entry.name}`;
    if (!entry.isDirectory()) {
      const { size } = await lstat(join(root, path));
      found.push({ path, kind: kindOf(entry), bytes: size });
      continue;
    }
    const before = found.length;
    if (depth < MAX_DEPTH) await walk(root, `${path}/`, depth + 1, found);
    if (found.length === before) found.push({ path, kind: 'empty_folder', bytes: 0 });
  }
}

const kindOf = (entry: Dirent): TreeEntry['kind'] =>
  entry.isFile() ? 'file' : entry.isSymbolicLink() ? 'link' : 'special';

/** Without waiting for a writer: a named pipe must not hold the program up. */
async function openPlainFile(root: string, path: string): Promise<FileHandle> {
  const file = await open(join(root, path), constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK);
  if ((await file.stat()).isFile()) return file;
  await file.close();
  throw new PromptOsError('FILE_NOT_READABLE', `${path} is no plain file.`);
}

async function digestFile(file: FileHandle): Promise<TreeDigest> {
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
  while (bytesRead > 0) {
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
