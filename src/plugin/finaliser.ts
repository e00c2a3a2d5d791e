import { createPinnedDocuments } from '../activities/documents/pinned-documents.js';
import { createFinalise } from '../activities/finalise.js';
import { createPrefixVerifier } from '../activities/proof/verify-prefix.js';
import { runWorkflowId } from '../contracts/names.js';
import type { FinaliseInput, FinaliseResult } from '../contracts/run/activities.js';
import type { GovernancePorts } from '../ports/index.js';
import { verifyApart } from './verify-apart.js';

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
