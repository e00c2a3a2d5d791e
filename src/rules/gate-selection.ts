import { PromptOsError } from '../contracts/errors.js';
import { GATES, type GateId, gateIndex } from '../contracts/names.js';
import type { Policy } from '../contracts/policy.js';

/**
 * Judges the gates that a run is to walk: ascending, none twice, the needs of each and the policy's required ones
 * among them. The command line asks before it starts a run, and the engine asks again, since it trusts no client.
 * @param received how messages call what was given
 * @throws PromptOsError GATE_ORDER, GATE_REQUIRED
 */
export function checkGateSelection(
  gates: readonly GateId[],
  policy: Pick<Policy, 'name' | 'required_gates'>,
  received = `received the gates ${gates.join(',')}`,
): void {
  for (const [index, gate] of gates.entries()) {
    const before = gates[index - 1];
    if (before === undefined || gateIndex(before) < gateIndex(gate)) continue;
    const problem = gates.indexOf(gate) < index ? `${gate} is named twice` : `${gate} comes after ${before}`;
    throw new PromptOsError('GATE_ORDER', `${received}, where ${problem}.`);
  }
  const needed = gates.flatMap((gate) =>
    GATES[gate].needs.filter((need) => !gates.includes(need)).map((need) => `${gate} needs ${need}`),
  );
  const missing = policy.required_gates.filter((gate) => !gates.includes(gate));
  const required = missing.length === 0 ? [] : [`the policy "${policy.name}" requires ${missing.join(', ')}`];
  if (needed.length + required.length === 0) return;
  throw new PromptOsError('GATE_REQUIRED', `${received}, but ${[...needed, ...required].join(', ')}.`);
}
