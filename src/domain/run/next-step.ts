import { GATES, type GateId, gateIndex, type Outcome } from '../../contracts/names.js';
import type { Decision } from '../../contracts/run/decisions.js';
import type { Feedback } from '../../contracts/run/ledger.js';
import { rulesVersionOf } from '../../contracts/run/rules-version.js';
import { currentGate, gateState, type OpenEscalation, type PendingRequest, type RunState } from './run-state.js';

/** An attempt, and all that it is given. */
export interface AttemptStep {
  readonly gate: GateId;
  readonly attempt: number;
  readonly principal: string;
  /** Digest of the output of each gate that has passed. */
  readonly inputs: Partial<Record<GateId, string>>;
  readonly feedback: readonly Feedback[];
}

/** What the driver does next. */
export type Step =
  | { readonly kind: 'open' }
  /** An attempt is to be started, or is being carried out. */
  | ({ readonly kind: 'executeGate' | 'awaitGate' } & AttemptStep)
  | { readonly kind: 'awaitDecision'; readonly gate: GateId; readonly request: PendingRequest }
  | { readonly kind: 'awaitResolution'; readonly escalations: readonly OpenEscalation[] }
  /** Every gate has passed: the run closes as approved once its journal agrees. */
  | { readonly kind: 'close' }
  | { readonly kind: 'finalise'; readonly outcome: Outcome };

/** The next step of a run, from its state alone. */
export function nextStep(state: RunState): Step {
  if (state.phase === 'closed') return { kind: 'finalise', outcome: state.outcome ?? 'failed' };
  if (state.phase === 'new' || state.plan === null) return { kind: 'open' };
  const { principals } = state.plan;
  const given = ({ gate, attempt, feedback }: Pick<AttemptStep, 'gate' | 'attempt' | 'feedback'>): AttemptStep => ({
    ...{ gate, attempt, feedback },
    principal: principals[GATES[gate].role],
    inputs: passedOutputs(state),
  });
  for (const { gate, current } of state.gates) {
    if (current?.status !== 'running') continue;
    return { kind: 'awaitGate', ...given({ gate, attempt: current.attempt, feedback: current.feedback ?? [] }) };
  }
  if (state.escalations.length > 0) return { kind: 'awaitResolution', escalations: state.escalations };
  const gate = currentGate(state);
  if (gate === undefined) return { kind: 'close' };
  if (gate.request !== null) return { kind: 'awaitDecision', gate: gate.gate, request: gate.request };
  return {
    kind: 'executeGate',
    ...given({ gate: gate.gate, attempt: gate.attempts + 1, feedback: gate.feedback }),
  };
}

/** Digest of the output of each gate that has passed: what the next gate is given. */
export function passedOutputs(state: RunState): Partial<Record<GateId, string>> {
  const passed = state.gates.flatMap(({ gate, current }) =>
    current?.status === 'passed' && current.output_sha256 !== null ? [[gate, current.output_sha256] as const] : [],
  );
  return Object.fromEntries(passed);
}

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

/** A run can go back to a gate that it has, up to its current one; never forward. */
export const isReworkTarget = (state: RunState, from: GateId, target: GateId): boolean =>
  runs(state, target) && gateIndex(target) <= gateIndex(from);
