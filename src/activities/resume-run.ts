import type { ResumeRunInput } from '../contracts/activities.js';
import { canonicalSha256 } from '../contracts/canonical-json.js';
import type { AskingExecution } from './sync-journal.js';
import { notDue, type PrefixVerifier } from './verify-prefix.js';

/**
 * Whether a run that continued as new goes on from its own past: the ledger is verified, it was begun by this chain of
 * executions, and the state that came along is the one that it leads to.
 * @throws PromptOsError STEP_NOT_DUE, LEDGER_BROKEN, and what the store fails with
 */
export async function resumeRun(
  verifier: PrefixVerifier,
  { run, first_execution_run_id, ledger, state_sha256 }: ResumeRunInput,
  { workflowId, isLocal }: AskingExecution,
): Promise<void> {
  if (!isLocal) throw notDue('a run resumes by a local activity of its own workflow');
  const { opening, replay } = await verifier.verify(run.run_id, workflowId, ledger);
  if (opening.workflow.first_execution_run_id !== first_execution_run_id) {
    throw notDue('it was begun by another chain of executions');
  }
  if (canonicalSha256(opening.run) !== canonicalSha256(run)) throw notDue('it was started with another input');
  if (canonicalSha256(replay.state) !== state_sha256) throw notDue('its state is not the one that its ledger leads to');
}
