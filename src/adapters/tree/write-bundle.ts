import { PromptOsError } from '../../contracts/errors.js';
import { counted } from '../../contracts/sentences.js';
import { BUNDLE_END, bundleHeader, comparePaths, paddedBytes } from './bundle-format.js';

/** A file to bundle. */
export interface BundledFile {
  readonly path: string;
  readonly bytes: number;
  /** Opens the content anew. */
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
