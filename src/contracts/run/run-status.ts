import type { ExecutorUsage } from '../config/executor-output.js';
import type { EscalationTrigger, GateId, Outcome, ResolutionChoice, SandboxKind, Verdict } from '../names.js';
import type { RunSpending } from './budget.js';
import type { RecordedCancellation } from './decisions.js';
import type { EscalationReport } from './escalation.js';
import type { Finding } from './findings.js';
import type { HeldClaim } from './gate-claim.js';
import type { Comparison } from './independence.js';

/** Who is to do a gate elsewhere, since when, and who is at it. */
export interface GateHandedOff {
  readonly to: string;
  readonly since: string;
  /** As the run last saw it; null where there is none. */
  readonly claim: HeldClaim | null;
}

/** Which model a gate's attempt asked for, and which one answered, as its executor says; null where it does not say. */
export interface GateModels {
  readonly requested: string | null;
  readonly served: string | null;
  /** Whether another model answered than was requested. */
  readonly other: boolean;
}

export interface GateStatus {
  readonly gate: GateId;
  readonly title: string;
  readonly state: 'waiting' | 'running' | 'awaiting_decision' | 'held' | 'passed';
  /** Attempts started so far. */
  readonly attempt: number;
  readonly verdict: Verdict | null;
  readonly reason: string | null;
  readonly output_sha256: string | null;
  readonly findings: readonly Finding[];
  readonly findings_omitted: number;
  readonly waived: readonly string[];
  /** What every try of the gate used, as executors say; known from a record alone, and where one of them says it. */
  readonly usage?: ExecutorUsage;
  /** Known from the record of the attempt; absent where that was not read, and for a gate that was done elsewhere. */
  readonly models?: GateModels;
  /** Whose work a judging gate judged, and whether with another model; absent where the policy does not ask. */
  readonly independence?: readonly Comparison[];
  /** A running gate that is done elsewhere; absent for any other. */
  readonly handed_off?: GateHandedOff;
  /** The weakest sandbox of the attempt's programs; absent where it is not known. */
  readonly sandbox?: SandboxKind;
}

/** What an integrator is asked: every field that a decision must repeat. */
export interface AwaitedDecision {
  readonly kind: 'decision';
  readonly request_id: string;
  readonly gate: GateId;
  readonly attempt: number;
  readonly output_sha256: string;
  readonly since: string;
  readonly approvals_needed: number;
  readonly approved_by: readonly string[];
  /** Whether an approval can count: a failed gate can only be rejected. */
  readonly approvable: boolean;
  /** The gate that a rejection goes back to when it names none. */
  readonly rejects_to: GateId;
  /** Ids of the findings that an approval must acknowledge. */
  readonly to_acknowledge: readonly string[];
}

export interface AwaitedResolution {
  readonly kind: 'resolution';
  readonly request_id: string;
  readonly escalation_id: string;
  readonly gate: GateId | null;
  readonly trigger: EscalationTrigger;
  readonly raised_by: string;
  /** What a signed resolution is about: of the canonical JSON of the report. */
  readonly report_sha256: string;
  readonly report: EscalationReport;
  readonly issue: string;
  readonly recommendation: string;
  /** The resolutions that lead somewhere, in a sensible order; absent where an earlier release answers. */
  readonly choices?: readonly ResolutionChoice[];
  readonly since: string;
}

/** Whether the context of an escalation's report says why a gate was not carried out, or goes no further. */
export const isInterruption = ({ trigger }: Pick<AwaitedResolution, 'trigger'>): boolean =>
  trigger === 'infrastructure' || trigger === 'trust' || trigger === 'budget';

/** The answer of the `status` query. */
export interface RunStatus {
  readonly run_id: string;
  readonly phase: 'new' | 'open' | 'closed';
  readonly outcome: Outcome | null;
  readonly outcome_reason: string | null;
  /** How a cancelled run came to its end; null for any other; absent where an earlier release answers. */
  readonly cancellation?: RecordedCancellation | null;
  readonly developer: string;
  readonly target_repo: string;
  readonly base_commit: string;
  readonly policy_sha256: string;
  /** Whether decisions must be signed; null before the run is open. */
  readonly authentication: 'required' | 'optional' | null;
  readonly self_approval: 'refused' | 'allowed' | null;
  readonly integrators: readonly string[];
  readonly gates: readonly GateStatus[];
  readonly awaiting: readonly (AwaitedDecision | AwaitedResolution)[];
  /** What the run has spent, and its limits; absent where the policy has no budgets. */
  readonly budgets?: RunSpending;
  readonly escalations_raised: number;
  readonly refusals: number;
  readonly ledger: { readonly entries: number; readonly hash: string };
  /** Digest of the published run record, once there is one. */
  readonly run_record_sha256: string | null;
}

export interface GovernedRunResult {
  readonly run_id: string;
  readonly outcome: Outcome;
  readonly run_record_sha256: string;
}
