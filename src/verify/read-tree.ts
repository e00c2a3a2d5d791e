import { PromptOsError } from '../contracts/errors.js';
import type { TreeEntry, TreeReader } from '../ports/tree-reader.js';
import { MAX_TREE_BYTES, TREE_LIMITS } from './limits.js';
import { VerifyFailure } from './verify-codes.js';

/** A reader for which a file that cannot be read is a failure of the tree: nothing is known of it, so it is not verified. */
export function failingReader(reader: TreeReader): TreeReader {
  const whole = async <T>(path: string, read: () => Promise<T>): Promise<T> => {
    try {
      return await read();
    } catch (error) {
      throw notReadable(path, error);
    }
  };
  return {
    list: (limits) => whole('the tree', () => reader.list(limits)),
    read: (path, most) => whole(path, () => reader.read(path, most)),
    openStream: async function* (path) {
      try {
        yield* reader.openStream(path);
      } catch (error) {
        throw notReadable(path, error);
      }
    },
    digest: (path, most) => whole(path, () => reader.digest(path, most)),
  };
}

function notReadable(path: string, error: unknown): unknown {
  if (!(error instanceof PromptOsError)) return error;
  if (error.code === 'BUNDLE_MALFORMED') {
    return new VerifyFailure('BUNDLE_MALFORMED', { path, expected: 'a bundle', found: error.summary });
  }
  const found = `${error.code}: ${error.summary}`;
  return new VerifyFailure('FILE_NOT_READABLE', { path, expected: 'something that can be read', found });
}

/** A file as a stream, which ends with a failure when it does not have the size that was listed. */
export async function* streamOf(reader: TreeReader, { path, bytes: listed }: TreeEntry): AsyncGenerator<Uint8Array> {
  let bytes = 0;
  for await (const chunk of reader.openStream(path)) {
    bytes += chunk.byteLength;
    if (bytes > listed) break;
    yield chunk;
  }
  if (bytes !== listed) throw differentSize('FILE_CHANGED', path, `${listed}`, bytes);
}

export const differentSize = (
  code: 'FILE_TOO_LARGE' | 'FILE_CHANGED',
  path: string,
  expected: string,
  found: number,
): VerifyFailure => new VerifyFailure(code, { path, expected: `${expected} bytes`, found: `${found} bytes` });

/** @throws VerifyFailure TREE_TOO_LARGE */
export function checkTreeSize(entries: readonly TreeEntry[]): void {
  const tooLarge = (expected: string, found: string, path?: string) =>
    new VerifyFailure('TREE_TOO_LARGE', { path, expected, found });
  if (entries.length > TREE_LIMITS.entries) throw tooLarge(`at most ${TREE_LIMITS.entries} files`, 'more files');
  let sum = 0;
  for (const { path, kind, bytes } of entries) {
    const folders = path.split('/').length - (kind === 'empty_folder' ? 0 : 1);
    if (folders > TREE_LIMITS.depth)
      throw tooLarge(`folders at most ${TREE_LIMITS.depth} deep`, 'deeper folders', path);
    sum += bytes;
  }
  if (sum > MAX_TREE_BYTES) throw tooLarge(`at most ${MAX_TREE_BYTES} bytes`, `${sum} bytes`);
}
