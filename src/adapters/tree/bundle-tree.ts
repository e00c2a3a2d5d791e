import { createHash } from 'node:crypto';
import { constants } from 'node:fs';
import { type FileHandle, open, realpath } from 'node:fs/promises';
import { Header, type HeaderData, Pax } from 'tar';
import { PromptOsError } from '../../contracts/errors.js';
import { counted } from '../../contracts/sentences.js';
import type { TreeEntry, TreeReader } from '../../ports/tree-reader.js';
import { BLOCK_BYTES, BUNDLE_END, bundleHeader, comparePaths, paddedBytes } from './bundle-format.js';
import { notReadable } from './folder-tree.js';

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

/** An entry of a bundle, and where its content begins. */
interface PlacedEntry extends TreeEntry {
  readonly offset: number;
}

/** Bytes of an extended header: a path and a size. */
const MAX_EXTENDED_BYTES = 65_536;
const GZIP_MAGIC = Buffer.from([0x1f, 0x8b]);

/**
 * The entries of a bundle. A file's header must be the one that the writer of bundles gives it, byte for byte, and the
 * paths must be in order: so no path is there twice, nothing is hidden between the files or after them, and every
 * program that reads tar finds the same tree in it.
 * @param most stops one entry later
 * @throws PromptOsError BUNDLE_MALFORMED
 */
async function indexBundle(handle: FileHandle, most: number): Promise<readonly PlacedEntry[]> {
  const { size } = await handle.stat();
  const found: PlacedEntry[] = [];
  let at = 0;
  while (found.length <= most) {
    const block = await blockAt(handle, at, BLOCK_BYTES);
    if (at === 0 && block.subarray(0, GZIP_MAGIC.byteLength).equals(GZIP_MAGIC)) {
      throw malformed(at, 'gzip data: decompress the file first');
    }
    if (block.equals(BUNDLE_END.subarray(0, BLOCK_BYTES))) {
      const end = await blockAt(handle, at, BUNDLE_END.byteLength);
      if (!end.equals(BUNDLE_END)) throw malformed(at, 'a block of zeros between the files');
      if (at + BUNDLE_END.byteLength !== size) throw malformed(at + BUNDLE_END.byteLength, 'something after the end');
      if (found.length === 0) throw malformed(at, 'no file');
      return found;
    }
    const entry = await entryAt(handle, at, block);
    const before = found.at(-1)?.path;
    if (before !== undefined && comparePaths(before, entry.path) >= 0) {
      throw malformed(at, `${JSON.stringify(entry.path)} after ${JSON.stringify(before)}`);
    }
    const next = entry.offset + paddedBytes(entry.bytes);
    if (next > size)
      throw malformed(at, `a file of ${counted(entry.bytes, 'byte')} that the bundle does not hold to its end`);
    await checkPadding(handle, entry.offset + entry.bytes, next);
    found.push(entry);
    at = next;
  }
  return found;
}

const KINDS: Readonly<Record<string, TreeEntry['kind']>> = {
  File: 'file',
  Link: 'link',
  SymbolicLink: 'link',
  Directory: 'empty_folder',
};

async function entryAt(handle: FileHandle, start: number, block: Buffer): Promise<PlacedEntry> {
  let header = decode(block, start);
  let extended: HeaderData = {};
  let offset = start + BLOCK_BYTES;
  if (header.type === 'ExtendedHeader') {
    const bytes = header.size ?? 0;
    if (bytes === 0 || bytes > MAX_EXTENDED_BYTES)
      throw malformed(start, `an extended header of ${counted(bytes, 'byte')}`);
    extended = Pax.parse((await blockAt(handle, offset, bytes)).toString('utf8'));
    offset += paddedBytes(bytes);
    header = decode(await blockAt(handle, offset, BLOCK_BYTES), offset);
    offset += BLOCK_BYTES;
  }
  const path = extended.path ?? header.path ?? '';
  const size = extended.size ?? header.size ?? -1;
  if (path === '' || !Number.isSafeInteger(size) || size < 0) throw malformed(start, 'a header without path or size');
  const kind = KINDS[header.type] ?? 'special';
  // What is no file refuses the tree by its kind, however its header is written.
  if (kind !== 'file') return { path: path.replace(/\/+$/, ''), kind, bytes: size, offset };
  const written = bundleHeader(path, size);
  const isOurs = offset - start === written.byteLength;
  if (!isOurs || !(await blockAt(handle, start, written.byteLength)).equals(written)) {
    throw malformed(start, `another header for ${JSON.stringify(path)} than a bundle has`);
  }
  return { path, kind, bytes: size, offset };
}

function decode(block: Buffer, at: number): Header {
  const header = new Header(block);
  if (!header.cksumValid) throw malformed(at, 'no header of a tar');
  return header;
}

async function checkPadding(handle: FileHandle, from: number, to: number): Promise<void> {
  if (from === to) return;
  const padding = await blockAt(handle, from, to - from);
  if (padding.some((byte) => byte !== 0)) throw malformed(from, 'something behind a file');
}

/** @throws PromptOsError BUNDLE_MALFORMED where the file ends before */
async function blockAt(handle: FileHandle, at: number, bytes: number): Promise<Buffer> {
  const buffer = Buffer.alloc(bytes);
  let done = 0;
  while (done < bytes) {
    const { bytesRead } = await handle.read(buffer, done, bytes - done, at + done);
    if (bytesRead === 0) throw malformed(at + done, 'the end of the file');
    done += bytesRead;
  }
  return buffer;
}

const malformed = (at: number, found: string): PromptOsError =>
  new PromptOsError('BUNDLE_MALFORMED', `At byte ${at}: expected a bundle of a run's tree, found ${found}.`);
