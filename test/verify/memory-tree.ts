import { sha256Hex } from '../../src/contracts/digest.js';
import type { TreeEntry, TreeReader } from '../../src/ports/tree-reader.js';

/** A tree that a test holds in its hands. `kinds` says what is no plain file. */
export function memoryTree(
  files: ReadonlyMap<string, Uint8Array>,
  kinds: Readonly<Record<string, TreeEntry['kind']>> = {},
): TreeReader {
  const read = (path: string): Uint8Array => {
    const bytes = files.get(path);
    if (bytes === undefined) throw new Error(`the verifier read ${path}, which is missing`);
    return bytes;
  };
  return {
    list: async () =>
      [...files].map(([path, { byteLength }]) => ({ path, kind: kinds[path] ?? 'file', bytes: byteLength })),
    read: async (path) => read(path),
    openStream: async function* (path) {
      yield read(path);
    },
    digest: async (path) => ({ sha256: sha256Hex(read(path)), bytes: read(path).byteLength }),
  };
}
