import { PromptOsError } from '../contracts/errors.js';
import { GATES, type GateId, gateIndex } from '../contracts/names.js';
import type { Policy } from '../contracts/policy.js';

/**
 * Judges the gates of a run by the policy, whatever the client did: ascending, none twice, the needs of each and the
 * policy's required ones among them.
 * @throws PromptOsError GATE_ORDER, GATE_REQUIRED
 */
export function checkGateSelection(gates: readonly GateId[], policy: Policy): void {
  for (const [index, gate] of gates.entries()) {
    const before = gates[index - 1];
    if (before !== undefined && gateIndex(before) >= gateIndex(gate)) {
      throw new PromptOsError('GATE_ORDER', `Received the gates ${gates.join(',')}: ${gate} cannot follow ${before}.`);
    }
    const missing = GATES[gate].needs.find((needed) => !gates.includes(needed));
    if (missing !== undefined) {
      throw new PromptOsError('GATE_REQUIRED', `Received the gates ${gates.join(',')}: ${gate} needs ${missing}.`);
    }
  }
  const missing = policy.required_gates.filter((gate) => !gates.includes(gate));
  if (missing.length > 0) {
    throw new PromptOsError(
      'GATE_REQUIRED',
      `The policy "${policy.name}" requires ${missing.join(', ')}; received ${gates.join(',')}.`,
    );
  }
}
