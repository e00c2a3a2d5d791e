import type { Decision } from '../contracts/decisions.js';
import { GATES, type GateId, gateIndex } from '../contracts/names.js';
import { rulesVersionOf } from '../contracts/rules-version.js';
import { gateState, type RunState } from './run-state.js';

const runs = (state: RunState, gate: GateId): boolean => state.gates.some((candidate) => candidate.gate === gate);

/** Whether a gate gave no usable answer and found nothing against the change: then the gate itself is at fault. */
function gaveNoAnswer(state: RunState, gate: GateId): boolean {
  const attempt = gateState(state, gate)?.current;
  if (state.plan === null || rulesVersionOf(state.plan) < 2 || attempt?.verdict !== 'blocked') return false;
  return attempt.blocking_omitted === 0 && !attempt.findings.some(({ blocking }) => blocking);
}

/**
 * Where a rejection of this gate goes when the decision names no gate: Verify and Review go back to the builder, and a gate that
 * gave no usable answer is done again.
 */
export const defaultReworkTarget = (state: RunState, gate: GateId): GateId =>
  !gaveNoAnswer(state, gate) && runs(state, GATES[gate].rejectsTo) ? GATES[gate].rejectsTo : gate;

/** Whether a rejection only has its own gate done again for want of a usable answer: that is no round of rework. */
export const isRetry = (state: RunState, { gate, to_gate }: Pick<Decision, 'gate' | 'to_gate'>): boolean =>
  gaveNoAnswer(state, gate) && (to_gate ?? gate) === gate;

/** A run can go back to a gate that it has, up to the one that it stands at; never forward. */
export const isReworkTarget = (state: RunState, from: GateId, target: GateId): boolean =>
  runs(state, target) && gateIndex(target) <= gateIndex(from);
