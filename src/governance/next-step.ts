import type { Feedback } from '../contracts/ledger.js';
import { GATES, type GateId, type Outcome } from '../contracts/names.js';
import { currentGate, type OpenEscalation, type RunState, type StandingRequest } from './run-state.js';

/** What the driver does next. */
export type Step =
  | { readonly kind: 'open' }
  | {
      readonly kind: 'executeGate';
      readonly gate: GateId;
      readonly attempt: number;
      readonly principal: string;
      readonly inputs: Partial<Record<GateId, string>>;
      readonly feedback: readonly Feedback[];
    }
  | { readonly kind: 'awaitGate'; readonly gate: GateId; readonly attempt: number }
  | { readonly kind: 'awaitDecision'; readonly gate: GateId; readonly request: StandingRequest }
  | { readonly kind: 'awaitResolution'; readonly escalations: readonly OpenEscalation[] }
  /** Every gate has passed: the run closes as approved once its journal agrees. */
  | { readonly kind: 'close' }
  | { readonly kind: 'finalise'; readonly outcome: Outcome };

/** The next step of a run, from its state alone. */
export function nextStep(state: RunState): Step {
  if (state.phase === 'closed') return { kind: 'finalise', outcome: state.outcome ?? 'failed' };
  if (state.phase === 'new' || state.plan === null) return { kind: 'open' };
  const running = state.gates.find(({ current }) => current?.status === 'running');
  if (running?.current) return { kind: 'awaitGate', gate: running.gate, attempt: running.current.attempt };
  if (state.escalations.length > 0) return { kind: 'awaitResolution', escalations: state.escalations };
  const gate = currentGate(state);
  if (gate === undefined) return { kind: 'close' };
  if (gate.request !== null) return { kind: 'awaitDecision', gate: gate.gate, request: gate.request };
  return {
    kind: 'executeGate',
    gate: gate.gate,
    attempt: gate.attempts + 1,
    principal: state.plan.principals[GATES[gate.gate].role],
    inputs: standingOutputs(state),
    feedback: gate.feedback,
  };
}

function standingOutputs(state: RunState): Partial<Record<GateId, string>> {
  const passed = state.gates.flatMap(({ gate, current }) =>
    current?.status === 'passed' && current.output_sha256 !== null ? [[gate, current.output_sha256] as const] : [],
  );
  return Object.fromEntries(passed);
}
