import { PromptOsError } from '../contracts/errors.js';
import type { GateDesk, Submission, SubmissionAnswer } from './gate-desk.js';

/**
 * Judges the output by the rules of the gate, as a role's worker does, signs the result, journals it, and has the run look.
 * @throws PromptOsError OUTPUT_UNUSABLE with what is wrong, PATCH_NOT_APPLICABLE, NOTHING_HANDED_OFF, GATE_CLAIMED,
 *   PRINCIPAL_NOT_BOUND, KEY_NOT_FOUND, and what the ports throw; nothing is submitted then
 */
export async function submitGate(_desk: GateDesk, submission: Submission): Promise<SubmissionAnswer> {
  throw new PromptOsError('INTERNAL', `${submission.run_id} cannot be submitted yet.`);
}
