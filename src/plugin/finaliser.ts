import { createPinnedDocuments } from '../activities/documents/pinned-documents.js';
import { createFinalise } from '../activities/finalise.js';
import { createPrefixVerifier } from '../activities/proof/verify-prefix.js';
import { workApart } from '../adapters/platform/apart.js';
import { GATE_PATHS } from '../contracts/artifacts.js';
import { SHORT_BYTES } from '../contracts/long-bytes.js';
import { runWorkflowId } from '../contracts/names.js';
import type { FinaliseInput, FinaliseResult } from '../contracts/run/activities.js';
import type { GovernancePorts } from '../ports/index.js';
import type { UnsealedTree, VerifyTree } from '../ports/tree-reader.js';
import { verifyUnsealed } from '../verify/object-tree.js';

/**
 * Finishes a closed run as an engine's worker does: the same verification of its past, the same trust, the same record and
 * the same signatures, so that whichever of the two comes first publishes the same bytes.
 * @throws PromptOsError as the activity: STEP_NOT_DUE, LEDGER_BROKEN, POLICY_NOT_TRUSTED, ENGINE_KEY_MISSING, and what
 * publishing fails with
 */
export function finaliseRun(
  ports: Pick<GovernancePorts, 'store' | 'signers' | 'trust'>,
  input: FinaliseInput,
): Promise<FinaliseResult> {
  const pinned = createPinnedDocuments(ports.store);
  const finalise = createFinalise(ports, createPrefixVerifier(ports.store, pinned), {
    pinned,
    verifyTree: verifyApart,
  });
  return finalise(input, runWorkflowId(input.run_id));
}

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
