import { decisionRequestId, gateIndex } from '../../contracts/names.js';
import type { LedgerEvent } from '../../contracts/run/ledger.js';
import { hasJournal } from '../../contracts/run/rules-version.js';
import { budgetReport } from './budget.js';
import { openEscalation } from './escalations.js';
import {
  type AttemptState,
  approvalsNeeded,
  currentGate,
  effectiveVerdict,
  type GateState,
  handedOffGate,
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
