import { PromptOsError } from '../contracts/errors.js';
import type { HeldClaim } from '../contracts/gate-claim.js';
import type { GateDesk, WantedGate } from './gate-desk.js';

/**
 * Ends the claimant's claim, so that another claimant can have the gate. The folder of the gate stays.
 * @returns the claim that was ended; null when the claimant had none
 * @throws PromptOsError NOTHING_HANDED_OFF, GATE_CLAIMED, PRINCIPAL_NOT_BOUND, and what the ports throw
 */
export async function releaseGate(_desk: GateDesk, wanted: WantedGate): Promise<HeldClaim | null> {
  throw new PromptOsError('INTERNAL', `${wanted.run_id} cannot be released yet.`);
}
