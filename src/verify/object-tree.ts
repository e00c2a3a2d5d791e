import { PromptOsError } from '../contracts/errors.js';
import type { ArtifactRef } from '../contracts/primitives.js';
import type { ArtifactStore } from '../ports/artifact-store.js';
import type { TreeReader, UnsealedTree, VerifyTree } from '../ports/tree-reader.js';
import { judgeTree } from './verify-tree.js';

/**
 * A tree whose files are objects of a store by digest. The store checks every read against the digest, so that a file's
 * digest is the one by which it is known.
 */
export function createObjectTree(
  files: readonly ArtifactRef[],
  objects: Pick<ArtifactStore, 'readObject' | 'openObject'>,
): TreeReader {
  const byPath = new Map(files.map((file) => [file.path, file] as const));
  const file = (path: string): ArtifactRef => {
    const found = byPath.get(path);
    if (found === undefined) throw new PromptOsError('FILE_NOT_READABLE', `The tree has no file ${path}.`);
    return found;
  };
  return {
    list: async () => files.map(({ path, bytes }) => ({ path, kind: 'file', bytes })),
    read: async (path) => objects.readObject(file(path).sha256),
    openStream: (path) => objects.openObject(file(path).sha256),
    digest: async (path) => ({ sha256: file(path).sha256, bytes: file(path).bytes }),
  };
}

/**
 * What the engine asks before it signs: the tree as a stranger would judge it, but for the engine's own signatures. The
 * policy was trusted when the run opened, so the tree's own is the one to judge by.
 * @throws whatever the store failed with: then nothing is known of the tree, and the store may answer later
 */
export const verifyUnsealed: VerifyTree = async ({ runId, files, objects }: UnsealedTree) => {
  const failures: unknown[] = [];
  const tree = createObjectTree(files, {
    readObject: (sha256) =>
      objects.readObject(sha256).catch((error: unknown) => {
        failures.push(error);
        throw error;
      }),
    openObject: async function* (sha256) {
      try {
        yield* objects.openObject(sha256);
      } catch (error) {
        failures.push(error);
        throw error;
      }
    },
  });
  const { outcomes } = await judgeTree(tree, { policies: [], runId, engineSignatures: 'pending' });
  if (failures.length > 0) throw failures[0];
  return outcomes.flatMap(({ status, failure }) =>
    status === 'failed' && failure !== null
      ? [
          {
            code: failure.code,
            message: `${failure.message} (${failure.path ?? 'the tree'}: expected ${failure.expected}, found ${failure.found})`,
          },
        ]
      : [],
  );
};
