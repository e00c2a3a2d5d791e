import type { EscalationReport } from './escalation.js';
import type { Finding } from './findings.js';
import type { Envelope } from './keys.js';
import type { Feedback, LedgerHead } from './ledger.js';
import type { GateId, Outcome, Verdict } from './names.js';
import type { GovernedRunInput, RunPlan } from './run-plan.js';

/** Asks one role to carry out one attempt of one gate. */
export interface ExecuteGateInput {
  readonly run: GovernedRunInput;
  readonly pack_sha256: string;
  readonly gate: GateId;
  readonly attempt: number;
  readonly principal: string;
  /** Digests of the attempt records that stand for the gates before. */
  readonly inputs: Partial<Record<GateId, string>>;
  readonly feedback: readonly Feedback[];
}

/** What came of it: a verdict is a value, never an exception. Bounded in size whatever the work's size. */
export interface ExecuteGateResult {
  readonly verdict: Verdict;
  readonly reason: string | null;
  readonly output_sha256: string;
  readonly findings: readonly Finding[];
  readonly findings_omitted: number;
  /** Of those that did not travel: how many block, and how many an approval would have to acknowledge. */
  readonly blocking_omitted: number;
  readonly severe_omitted: number;
  /** The result signed by the gate's principal, or null when this worker has no key for it. */
  readonly attestation: Envelope | null;
  readonly escalation: EscalationReport | null;
}

/** A part of the ledger that went to the store when the run continued as new. */
export interface LedgerSegment {
  readonly sha256: string;
  readonly entries: number;
}

export interface SaveLedgerInput {
  readonly run_id: string;
  /** The entries of the current segment to save: from this sequence number … */
  readonly from: number;
  /** … up to this head. */
  readonly head: LedgerHead;
}

export interface FinaliseInput {
  readonly run_id: string;
  readonly outcome: Outcome;
  readonly segments: readonly LedgerSegment[];
  readonly head: LedgerHead;
}

export interface FinaliseResult {
  readonly run_record_sha256: string;
  readonly files: number;
}

/** The activities that the workflow calls. Names carry a prefix, so that they live beside a team's own. */
export interface GovernanceActivities {
  /** Checks trust in the policy and the pack, lints the pack, and reads out what the domain must know. */
  promptos_openRun(input: GovernedRunInput): Promise<RunPlan>;
  promptos_executeGate(input: ExecuteGateInput): Promise<ExecuteGateResult>;
  promptos_saveLedger(input: SaveLedgerInput): Promise<LedgerSegment>;
  promptos_finalise(input: FinaliseInput): Promise<FinaliseResult>;
}
