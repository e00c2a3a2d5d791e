import { decisionRequestId, GATES, type GateId, gateIndex, type Outcome } from '../../contracts/names.js';
import type { Decision } from '../../contracts/run/decisions.js';
import type { Feedback, LedgerEvent } from '../../contracts/run/ledger.js';
import { hasJournal, rulesVersionOf } from '../../contracts/run/rules-version.js';
import { budgetReport } from './budget.js';
import { openEscalation } from './escalations.js';
import {
  type AttemptState,
  approvalsNeeded,
  currentGate,
  effectiveVerdict,
  type GateState,
  gateState,
  handedOffGate,
  type OpenEscalation,
  type PendingRequest,
  type RunState,
} from './run-state.js';
import { expiredWaivers } from './waivers.js';

/**
 * What follows by itself from the state of the run: the next event, or null when something must happen first.
 * Nothing follows while an escalation is open: a running gate is held, decisions count, nothing moves.
 * @param at when this is judged, as the ledger has it
 */
export function nextConsequence(state: RunState, at: string): LedgerEvent | null {
  if (state.phase !== 'open' || state.escalations.length > 0) return null;
  // No worker is at a gate that is done elsewhere, so it can be sent back at once.
  if (state.gates.some(({ current }) => current?.status === 'running') && !isSentBackFrom(handedOffGate(state), state))
    return null;
  if (state.rejected !== null) {
    return { type: 'runClosed', outcome: 'rejected', reason: state.rejected, refusals_counted: {} };
  }
  if (state.rework !== null) return sendBack(state);
  const gate = currentGate(state);
  // From rules version 2 on a run closes as approved by a command of its own, after the journal was asked.
  if (gate === undefined) return hasJournal(state.plan) ? null : closedAsApproved();
  return beyondBudget(state, gate) ?? (isFinished(gate) ? consequenceOfFinished(state, gate, at) : null);
}

const isFinished = ({ current }: GateState): boolean => current?.status === 'finished';

/** A gate that has spent more than its budget, or the run's, goes no further; nor is one started for which nothing is left. */
function beyondBudget(state: RunState, found: GateState): LedgerEvent | null {
  const { gate, current } = found;
  const report = budgetReport(state, gate, isFinished(found) ? 'end' : 'start');
  if (report === null) return null;
  return openEscalation(state, { gate, attempt: current?.attempt ?? 0, raised_by: 'engine', report });
}

const isSentBackFrom = (elsewhere: GateState | undefined, { rework }: RunState): boolean =>
  elsewhere !== undefined && rework !== null;

export const closedAsApproved = (): LedgerEvent => ({
  type: 'runClosed',
  outcome: 'approved',
  reason: 'every gate passed',
  refusals_counted: {},
});

function consequenceOfFinished(state: RunState, finished: GateState, at: string): LedgerEvent | null {
  const { gate, current, request, puts } = finished;
  if (current?.output_sha256 == null) return null;
  const needed = approvalsNeeded(state, finished);
  const approvedBy = request?.approved_by ?? [];
  if (effectiveVerdict(current) === 'pass' && approvedBy.length >= needed && !hasExpired(state, current, at)) {
    return { type: 'gatePassed', gate, attempt: current.attempt, approved_by: [...approvedBy] };
  }
  if (request !== null) return null;
  return {
    type: 'decisionRequested',
    gate,
    attempt: current.attempt,
    request_id: decisionRequestId(gate, current.attempt, puts + 1),
    output_sha256: current.output_sha256,
  };
}

/** While a run is held a waiver may expire, also behind the last approval. Version 1 did not look at the time here. */
const hasExpired = ({ plan }: RunState, current: AttemptState, at: string): boolean =>
  hasJournal(plan) && expiredWaivers(current, at).length > 0;

function sendBack({ rework, gates }: RunState): LedgerEvent | null {
  if (rework === null) return null;
  const { to_gate, feedback } = rework;
  const voided = gates
    .filter(({ gate }) => gateIndex(gate) >= gateIndex(to_gate))
    .flatMap(({ gate, current }) => (current === null ? [] : [{ gate, attempt: current.attempt }]));
  return { type: 'gateSentBack', to_gate, feedback: [...feedback], voided };
}

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
