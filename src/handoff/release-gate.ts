import type { HeldClaim } from '../contracts/run/gate-claim.js';
import { endClaim } from './claims.js';
import type { GateDesk, WantedGate } from './gate-desk.js';
import { findHandedOffGate } from './handed-off-gate.js';

/**
 * Ends the claimant's claim, so that another claimant can have the gate.
 * @returns the claim that was ended; null when the claimant had none
 * @throws PromptOsError NOTHING_HANDED_OFF, GATE_CLAIMED, PRINCIPAL_NOT_BOUND, and what the ports throw
 */
export async function releaseGate(desk: GateDesk, wanted: WantedGate): Promise<HeldClaim | null> {
  const ended = await endClaim(await findHandedOffGate(desk, wanted), desk.claimant);
  if (ended !== null) await desk.runs.lookAgain(wanted.run_id);
  return ended;
}
