import { workApart } from '../adapters/platform/apart.js';
import { GATE_PATHS } from '../contracts/artifacts.js';
import { SHORT_BYTES } from '../contracts/long-bytes.js';
import type { UnsealedTree, VerifyTree } from '../ports/tree-reader.js';
import { verifyUnsealed } from '../verify/object-tree.js';

const VERIFIER = new URL('../../dist/plugin/verify-process.js', import.meta.url);

/** What the process that verifies is given. */
export type VerifyOrder = Pick<UnsealedTree, 'runId' | 'files'>;

/**
 * What `verifyUnsealed` says. A tree with a long patch is verified by a process of its own: the patch is judged again, which
 * takes seconds and a gigabyte.
 */
export const verifyApart: VerifyTree = async (tree) => {
  const { runId, files, objects } = tree;
  // An attempt that was voided has its patch in its own folder.
  const isLong = files.some(({ path, bytes }) => path.endsWith(GATE_PATHS.patch) && bytes > SHORT_BYTES);
  if (!isLong) return verifyUnsealed(tree);
  const sizes = new Map(files.map(({ sha256, bytes }) => [sha256, bytes]));
  const input: VerifyOrder = { runId, files };
  const content = (sha256: string) => {
    const byteLength = sizes.get(sha256) ?? 0;
    const read =
      byteLength > SHORT_BYTES
        ? () => objects.openObject(sha256)
        : async function* () {
            yield await objects.readObject(sha256);
          };
    return { byteLength, read, release: () => undefined };
  };
  const { value } = await workApart({ program: VERIFIER, input, content });
  return value as Awaited<ReturnType<VerifyTree>>;
};
