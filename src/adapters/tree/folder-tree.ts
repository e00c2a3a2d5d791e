import { createHash } from 'node:crypto';
import {
  closeSync,
  constants,
  type Dirent,
  fstatSync,
  lstatSync,
  opendirSync,
  openSync,
  read,
  readSync,
} from 'node:fs';
import { lstat, realpath } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { PromptOsError } from '../../contracts/errors.js';
import type { TreeDigest, TreeEntry, TreeLimits, TreeReader } from '../../ports/tree-reader.js';

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
  const opened = async <T>(path: string, use: (file: PlainFile) => T | Promise<T>): Promise<T> => {
    try {
      return await usePlainFile(join(root, path), use);
    } catch (error) {
      throw notReadable(path, error);
    }
  };
  return {
    list: async (limits) => {
      try {
        return [...walkFolder(root, limits)].sort((a, b) => (a.path < b.path ? -1 : 1));
      } catch (error) {
        throw notReadable(directory, error);
      }
    },
    read: (path, most) => opened(path, (file) => readFile(file, most)),
    openStream: async function* (path) {
      try {
        yield* streamFile(join(root, path));
      } catch (error) {
        throw notReadable(path, error);
      }
    },
    digest: (path, most) => opened(path, (file) => digestFile(file, most)),
  };
}

/** A system's error as one of ours; any other as it is. */
export function notReadable(path: string, error: unknown): unknown {
  if (error instanceof PromptOsError || !(error instanceof Error && 'code' in error)) return error;
  return new PromptOsError('FILE_NOT_READABLE', `Could not read ${path}: ${error.message}.`, { cause: error });
}

const readLater = promisify(read);

/** Bytes read at once: with a second buffer of this size, reading and hashing go on at the same time. */
const BUFFER_BYTES = 1_048_576;
/** Bytes of a file that is read without waiting: a thread would take more time than the file. */
const SMALL_BYTES = 262_144;

/** A plain file that is open, and the size that it had then. */
interface PlainFile {
  readonly descriptor: number;
  readonly size: number;
}

/**
 * Opens a file, uses it and closes it. No link is followed, and no named pipe blocks the program.
 * @throws PromptOsError FILE_NOT_READABLE for what is no plain file, and system errors
 */
async function usePlainFile<T>(path: string, use: (file: PlainFile) => T | Promise<T>): Promise<T> {
  const descriptor = openPlainFile(path);
  try {
    const stats = fstatSync(descriptor);
    if (!stats.isFile()) throw new PromptOsError('FILE_NOT_READABLE', `${path} is no plain file.`);
    return await use({ descriptor, size: stats.size });
  } finally {
    closeSync(descriptor);
  }
}

const openPlainFile = (path: string): number =>
  openSync(path, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK);

/** Ends at `most` and one byte: a file may grow while it is read, and some say that they have no bytes at all. */
async function readFile({ descriptor, size }: PlainFile, most: number): Promise<Uint8Array> {
  let bytes = Buffer.allocUnsafe(Math.min(size, most) + 1);
  let length = 0;
  for (;;) {
    const bytesRead = await readInto(descriptor, bytes, length, size);
    length += bytesRead;
    if (bytesRead === 0 || length > most) return bytes.subarray(0, length);
    if (length < bytes.byteLength) continue;
    const larger = Buffer.allocUnsafe(Math.min(2 * length, most) + 1);
    bytes.copy(larger);
    bytes = larger;
  }
}

function readInto(descriptor: number, buffer: Buffer, from: number, size: number): number | Promise<number> {
  const length = buffer.byteLength - from;
  if (size <= SMALL_BYTES) return readSync(descriptor, buffer, from, length, null);
  return readLater(descriptor, buffer, from, length, null).then(({ bytesRead }) => bytesRead);
}

/** Hashes no more than `most` bytes and a buffer. */
async function digestFile(file: PlainFile, most: number): Promise<TreeDigest> {
  const { descriptor, size } = file;
  const hash = createHash('sha256');
  if (size <= SMALL_BYTES) {
    const bytes = await readFile(file, most);
    return { sha256: hash.update(bytes).digest('hex'), bytes: bytes.byteLength };
  }
  let [current, other] = [Buffer.allocUnsafe(BUFFER_BYTES), Buffer.allocUnsafe(BUFFER_BYTES)];
  let bytes = 0;
  let bytesRead = await readInto(descriptor, current, 0, size);
  while (bytesRead > 0 && bytes <= most) {
    const next = readInto(descriptor, other, 0, size);
    hash.update(current.subarray(0, bytesRead));
    bytes += bytesRead;
    bytesRead = await next;
    [current, other] = [other, current];
  }
  return { sha256: hash.digest('hex'), bytes };
}

/** A file in pieces. */
async function* streamFile(path: string): AsyncGenerator<Uint8Array, void, undefined> {
  const descriptor = openPlainFile(path);
  try {
    const stats = fstatSync(descriptor);
    if (!stats.isFile()) throw new PromptOsError('FILE_NOT_READABLE', `${path} is no plain file.`);
    for (;;) {
      const buffer = Buffer.allocUnsafe(Math.min(BUFFER_BYTES / 16, stats.size + 1));
      const bytesRead = await readInto(descriptor, buffer, 0, stats.size);
      if (bytesRead === 0) return;
      yield buffer.subarray(0, bytesRead);
    }
  } finally {
    closeSync(descriptor);
  }
}

/**
 * Everything below a folder, in no order. It stops one entry after the limit, so that a huge folder costs no memory. A
 * call for each entry, without waiting: that takes a tenth of the processor time of the same calls in other threads.
 */
function walkFolder(root: string, limits: TreeLimits): readonly TreeEntry[] {
  const found: TreeEntry[] = [];
  walk(root, '', 0, { ...limits, found });
  return found.slice(0, limits.entries + 1);
}

interface Walk extends TreeLimits {
  readonly found: TreeEntry[];
}

function walk(root: string, prefix: string, depth: number, { found, ...limits }: Walk): void {
  const before = found.length;
  const isFull = () => found.length > limits.entries;
  const folders: string[] = [];
  const folder = opendirSync(join(root, prefix));
  try {
    for (let entry = folder.readSync(); entry !== null; entry = folder.readSync()) {
      const path = `${prefix}${entry.name}`;
      if (entry.isDirectory()) folders.push(path);
      else found.push({ path, kind: kindOf(entry), bytes: lstatSync(join(root, path)).size });
      if (isFull() || folders.length > limits.entries) break;
    }
  } finally {
    folder.closeSync();
  }
  for (const path of folders) {
    if (isFull()) return;
    if (depth < limits.depth) walk(root, `${path}/`, depth + 1, { found, ...limits });
    else found.push({ path, kind: 'empty_folder', bytes: 0 });
  }
  if (found.length === before && prefix !== '') {
    found.push({ path: prefix.slice(0, -1), kind: 'empty_folder', bytes: 0 });
  }
}

const kindOf = (entry: Dirent): TreeEntry['kind'] =>
  entry.isFile() ? 'file' : entry.isSymbolicLink() ? 'link' : 'special';
