import { PromptOsError } from '../contracts/errors.js';
import type { GateDesk, OpenedGate, WantedGate } from './gate-desk.js';

/**
 * Claims the gate that the run has handed off to the principal, and makes its folder: prompt, schema of the output, checkout.
 * The same claimant gets the same folder again.
 * @throws PromptOsError NOTHING_HANDED_OFF, GATE_CLAIMED, PRINCIPAL_NOT_BOUND, and what the ports throw
 */
export async function openGate(_desk: GateDesk, wanted: WantedGate): Promise<OpenedGate> {
  throw new PromptOsError('INTERNAL', `${wanted.run_id} cannot be claimed yet.`);
}
