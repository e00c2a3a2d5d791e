import { Header, Pax } from 'tar';
import { PromptOsError } from '../../contracts/errors.js';
import { counted } from '../../contracts/sentences.js';

/*
 * A bundle is a POSIX tar of a published tree: plain files in the order of their paths, without owner, time or mode of
 * their own, so that one tree has one bundle, byte for byte, on every machine. It is not compressed: compressors differ
 * between versions, and a reader of plain tar has nothing to unpack.
 */

/** Bytes of a tar block; everything in a tar begins at a multiple of it. */
export const BLOCK_BYTES = 512;
/** What a tar ends with. */
export const BUNDLE_END = Buffer.alloc(2 * BLOCK_BYTES);

const EPOCH = new Date(0);

/** The header of a file in a bundle. A path or a size that the plain header cannot hold gets an extended one before it. */
export function bundleHeader(path: string, bytes: number): Buffer {
  const facts = { path, size: bytes, mode: 0o644, uid: 0, gid: 0, mtime: EPOCH };
  const header = new Header({ ...facts, type: 'File' });
  const block = Buffer.alloc(BLOCK_BYTES);
  return header.encode(block) ? Buffer.concat([new Pax({ path, size: bytes, mtime: EPOCH }).encode(), block]) : block;
}

/** Bytes of a file's content with what fills its last block. */
export const paddedBytes = (bytes: number): number => Math.ceil(bytes / BLOCK_BYTES) * BLOCK_BYTES;

/** The order of the paths in a bundle, the same on every machine. */
export const comparePaths = (one: string, other: string): number => (one < other ? -1 : one > other ? 1 : 0);

/** A file to bundle. */
interface BundledFile {
  readonly path: string;
  readonly bytes: number;
  /** Opens the content from its start. */
  open(): AsyncIterable<Uint8Array>;
}

/**
 * The bytes of the bundle of a tree: the same for the same files, in whatever order they are given.
 * @throws PromptOsError OBJECT_CORRUPT for a file of another size than it was listed with
 */
export async function* bundleBytes(files: readonly BundledFile[]): AsyncGenerator<Uint8Array, void, undefined> {
  for (const { path, bytes, open } of [...files].sort((a, b) => comparePaths(a.path, b.path))) {
    yield bundleHeader(path, bytes);
    let written = 0;
    for await (const chunk of open()) {
      written += chunk.byteLength;
      yield chunk;
    }
    if (written !== bytes) {
      throw new PromptOsError('OBJECT_CORRUPT', `${path}: expected ${counted(bytes, 'byte')}, received ${written}.`);
    }
    yield Buffer.alloc(paddedBytes(bytes) - bytes);
  }
  yield BUNDLE_END;
}
