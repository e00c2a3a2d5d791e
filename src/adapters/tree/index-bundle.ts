import type { FileHandle } from 'node:fs/promises';
import { Header, type HeaderData, Pax } from 'tar';
import { PromptOsError } from '../../contracts/errors.js';
import { counted } from '../../contracts/sentences.js';
import type { TreeEntry } from '../../ports/tree-reader.js';
import { BLOCK_BYTES, BUNDLE_END, bundleHeader, comparePaths, paddedBytes } from './bundle-format.js';

/** An entry of a bundle, and where its content begins. */
export interface PlacedEntry extends TreeEntry {
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
export async function indexBundle(handle: FileHandle, most: number): Promise<readonly PlacedEntry[]> {
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
