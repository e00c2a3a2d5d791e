import { PromptOsError } from '../contracts/errors.js';
import { ESCALATION_GATE, GATE_IDS, type GateId, isGateId } from '../contracts/names.js';
import type { Policy } from '../contracts/policy.js';
import { checkGateSelection } from '../rules/gate-selection.js';
import { suggestName } from './nearest-name.js';

/**
 * The gates that `--prompts` names, such as `P00,P01,P03,P05,P06,P07`.
 * @throws PromptOsError GATE_UNKNOWN; GATE_ORDER, also for repeats; GATE_REQUIRED when the policy or another gate needs
 *   one that is missing
 */
export function validateGates(list: string, policy: Pick<Policy, 'name' | 'required_gates'>): GateId[] {
  const names = list.split(',').map((name) => name.trim());
  const unknown = names.filter((name) => !isGateId(name));
  if (unknown.length > 0) {
    const told = unknown.map((name) => {
      if (name === '') return 'A name is empty.';
      if (name === ESCALATION_GATE) return `"${name}" (Governance Escalation) cannot be listed.`;
      return `"${name}" is no gate.${suggestName(name, GATE_IDS)}`;
    });
    throw new PromptOsError('GATE_UNKNOWN', `--prompts: received "${list}". ${told.join(' ')}`);
  }
  const gates = names.filter(isGateId);
  checkGateSelection(gates, policy, `--prompts: received "${list}"`);
  return gates;
}
