import {
  ACKNOWLEDGED_SEVERITIES,
  type EscalationTrigger,
  type GateId,
  type Outcome,
  type SandboxKind,
  type Verdict,
} from '../../contracts/names.js';
import type { BudgetScope, ScopeSpent } from '../../contracts/run/budget.js';
import type { RecordedCancellation } from '../../contracts/run/decisions.js';
import type { EscalationReport } from '../../contracts/run/escalation.js';
import type { Finding } from '../../contracts/run/findings.js';
import type { Feedback, RunWorkflow } from '../../contracts/run/ledger.js';
import type { GovernedRunInput, RunPlan } from '../../contracts/run/run-plan.js';

/** The attempt of a gate that counts now. */
export interface AttemptState {
  readonly attempt: number;
  readonly status: 'running' | 'finished' | 'interrupted' | 'passed';
  /** The hash of the entry that started it: a result names it, so that it fits this ledger alone. Null until it has its place. */
  readonly nonce: string | null;
  /** Entries of the ledger up to and with that one. */
  readonly started_entries: number | null;
  /** What it was given; absent in a state that was carried over, which has the digest alone. */
  readonly feedback?: readonly Feedback[];
  /** SHA-256 of the canonical JSON of that feedback. */
  readonly feedback_sha256: string;
  readonly verdict: Verdict | null;
  readonly reason: string | null;
  readonly output_sha256: string | null;
  readonly findings: readonly Finding[];
  readonly findings_omitted: number;
  readonly blocking_omitted: number;
  readonly severe_omitted: number;
  /** Absent until it is finished, and in results from before there was one. */
  readonly sandbox?: SandboxKind;
  /** Since when it is to be done elsewhere; absent for an attempt that a worker carries out. */
  readonly handed_off?: { readonly at: string; readonly reminded: boolean };
  /** Ids of the findings that an escalation waived. */
  readonly waived: readonly string[];
  /** When the waivers of these findings expire; absent while none does. */
  readonly waived_until?: Readonly<Record<string, string>>;
}

/** A pending request for a decision: only decisions made for it count. */
export interface PendingRequest {
  readonly request_id: string;
  readonly opened_at: string;
  readonly reminded: boolean;
  /** Actors who approved it, in order. */
  readonly approved_by: readonly string[];
}

export interface GateState {
  readonly gate: GateId;
  /** Attempts started so far, voided ones included. */
  readonly attempts: number;
  /** Null before the first attempt and after a send-back. */
  readonly current: AttemptState | null;
  /** How often a decision on the current attempt was requested. */
  readonly puts: number;
  readonly request: PendingRequest | null;
  /** Given to the next attempt as input; the newest last. */
  readonly feedback: readonly Feedback[];
}

export interface OpenEscalation {
  readonly escalation_id: string;
  readonly request_id: string;
  readonly gate: GateId | null;
  readonly trigger: EscalationTrigger;
  readonly raised_by: string;
  /** SHA-256 of the canonical JSON of the report: what a signed resolution is about. */
  readonly report_sha256: string;
  readonly report: EscalationReport;
  readonly opened_at: string;
  readonly reminded: boolean;
  /** Journal entries that the run goes on without once this fork is resolved; null for what is no fork. */
  readonly fork_entries: number | null;
}

/** A send-back that was decided and waits until nothing holds the run. */
export interface PendingRework {
  readonly to_gate: GateId;
  readonly feedback: readonly Feedback[];
}

/** What a run has spent, and what of it no longer counts against its budgets. */
export interface Spending {
  readonly gates: Readonly<Partial<Record<GateId, ScopeSpent>>>;
  /** What a gate, or the run, had spent when a person last granted one more budget. */
  readonly granted: Readonly<Partial<Record<BudgetScope, ScopeSpent>>>;
}

/** What a run is, folded from its ledger. Plain JSON, so that it travels through continue-as-new. */
export interface RunState {
  readonly phase: 'new' | 'open' | 'closed';
  readonly run: GovernedRunInput | null;
  readonly workflow: RunWorkflow | null;
  /** Null until the run is open. */
  readonly plan: RunPlan | null;
  readonly gates: readonly GateState[];
  readonly escalations: readonly OpenEscalation[];
  readonly escalations_raised: number;
  readonly rework: PendingRework | null;
  /** The reason of a final rejection that waits until no escalation is open. */
  readonly rejected: string | null;
  /** Rejections that sent the run back. */
  readonly rounds: number;
  /** Rejections that had a gate without a usable answer done again; absent while there was none. */
  readonly retries?: number;
  /** Ids that counted: each counts once. */
  readonly decision_ids: readonly string[];
  /** Refusals that the ledger has in full. */
  readonly refusals: number;
  /** What of them a key of the policy signed, as `<kind> <digest>`: the same message again is not recorded again. */
  readonly refused_messages: readonly string[];
  /** Journal entries, from the first, that resolved forks account for. */
  readonly fork_accepted: number;
  /** When the last escalation closed: waiting times start from there. */
  readonly resumed_at: string | null;
  readonly outcome: Outcome | null;
  readonly outcome_reason: string | null;
  /** What gates have spent; absent where the policy has no budgets. */
  readonly spending?: Spending;
  /** How it was cancelled; absent until it was. */
  readonly cancellation?: RecordedCancellation;
}

/**
 * The state that one execution hands to the next, and whose digest an engine compares with its own fold. An attempt's
 * feedback stays behind: a digest pins it, the ledger has it, and executions of before have states without it.
 */
export const carriedState = (state: RunState): RunState => ({
  ...state,
  gates: state.gates.map((gate) => {
    if (gate.current === null) return gate;
    const { feedback: _left, ...current } = gate.current;
    return { ...gate, current };
  }),
});

export const INITIAL_STATE: RunState = {
  phase: 'new',
  run: null,
  workflow: null,
  plan: null,
  gates: [],
  escalations: [],
  escalations_raised: 0,
  rework: null,
  rejected: null,
  rounds: 0,
  decision_ids: [],
  refusals: 0,
  refused_messages: [],
  fork_accepted: 0,
  resumed_at: null,
  outcome: null,
  outcome_reason: null,
};

/** The first gate that has not passed, or undefined when all have. */
export const currentGate = (state: RunState): GateState | undefined =>
  state.gates.find(({ current }) => current?.status !== 'passed');

/** The gate that is done elsewhere now, or undefined. */
export const handedOffGate = (state: RunState): GateState | undefined =>
  state.gates.find(({ current }) => current?.status === 'running' && current.handed_off !== undefined);

export const gateState = (state: RunState, gate: GateId): GateState | undefined =>
  state.gates.find((candidate) => candidate.gate === gate);

const isSevere = ({ severity }: Finding): boolean => ACKNOWLEDGED_SEVERITIES.includes(severity);

/** Findings of an attempt that an approval must acknowledge one by one. */
export const findingsToAcknowledge = ({ findings }: AttemptState): readonly Finding[] => findings.filter(isSevere);

/** Approvals that a finished gate needs: what the policy says, and at least one where there is something to acknowledge. */
export function approvalsNeeded({ plan }: RunState, { gate, current }: GateState): number {
  const severe = current !== null && (findingsToAcknowledge(current).length > 0 || current.severe_omitted > 0);
  return Math.max(plan?.approvals[gate] ?? 1, severe ? 1 : 0);
}

/** The verdict with waived findings taken out: what a decision on the gate goes by. */
export function effectiveVerdict(attempt: AttemptState): Verdict | null {
  if (attempt.verdict !== 'fail' || attempt.blocking_omitted > 0) return attempt.verdict;
  const blocking = attempt.findings.filter((finding) => finding.blocking);
  const allWaived = blocking.length > 0 && blocking.every(({ id }) => attempt.waived.includes(id));
  return allWaived ? 'pass' : 'fail';
}
