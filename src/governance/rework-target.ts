import { GATES, type GateId, gateIndex } from '../contracts/names.js';
import type { RunState } from './run-state.js';

const runs = (state: RunState, gate: GateId): boolean => state.gates.some((candidate) => candidate.gate === gate);

/** Where a rejection of this gate goes when nobody names a gate: Verify and Review go back to the builder. */
export const defaultReworkTarget = (state: RunState, gate: GateId): GateId =>
  runs(state, GATES[gate].rejectsTo) ? GATES[gate].rejectsTo : gate;

/** A run can go back to a gate that it has, up to the one that it stands at; never forward. */
export const isReworkTarget = (state: RunState, from: GateId, target: GateId): boolean =>
  runs(state, target) && gateIndex(target) <= gateIndex(from);
