import { createHash } from 'node:crypto';
import { closeSync, constants, fstatSync, openSync, read, readSync } from 'node:fs';
import { promisify } from 'node:util';
import { PromptOsError } from '../../contracts/errors.js';
import type { TreeDigest } from '../../ports/tree-reader.js';

const readLater = promisify(read);

/** Bytes read at once: with a second buffer of this size, reading and hashing go on at the same time. */
const BUFFER_BYTES = 1_048_576;
/** Bytes of a file that is read without waiting: a thread would take more time than the file. */
const SMALL_BYTES = 262_144;

/** A plain file that is open, and the size that it had then. */
export interface PlainFile {
  readonly descriptor: number;
  readonly size: number;
}

/**
 * Opens a file, uses it and closes it. No link is followed, and no named pipe blocks the program.
 * @throws PromptOsError FILE_NOT_READABLE for what is no plain file, and system errors
 */
export async function usePlainFile<T>(path: string, use: (file: PlainFile) => T | Promise<T>): Promise<T> {
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
export async function readFile({ descriptor, size }: PlainFile, most: number): Promise<Uint8Array> {
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
export async function digestFile(file: PlainFile, most: number): Promise<TreeDigest> {
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
export async function* streamFile(path: string): AsyncGenerator<Uint8Array, void, undefined> {
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
