import type { Envelope } from '../keys.js';
import type { GateId, SandboxKind, Verdict } from '../names.js';
import type { Spent } from './budget.js';
import type { EscalationReport, Fork } from './escalation.js';
import type { Finding } from './findings.js';
import type { HandedOff } from './gate-claim.js';
import type { HeadPurpose } from './journal.js';
import type { Feedback, LedgerEntry, LedgerHead, RunWorkflow } from './ledger.js';
import type { GovernedRunInput, RunPlan } from './run-plan.js';

/** A part of the ledger that is in the store, as JSON Lines. */
export interface LedgerSegment {
  readonly sha256: string;
  readonly entries: number;
}

/** Where the whole ledger up to a head is found: parts in the store, then the entries that are not there yet. */
export interface LedgerReference {
  readonly segments: readonly LedgerSegment[];
  readonly entries: readonly LedgerEntry[];
  readonly head: LedgerHead;
}

/**
 * Asks one role to carry out one attempt of one gate. It names the step and the ledger, and nothing else: principal,
 * inputs and feedback come out of the ledger, once the worker has verified it.
 */
export interface ExecuteGateInput {
  readonly run_id: string;
  readonly gate: GateId;
  readonly attempt: number;
  readonly ledger: LedgerReference;
}

/** What is left of the budgets that an attempt is within; a figure without a limit is absent. */
export interface BudgetLeft {
  readonly tokens?: number;
  readonly cost_usd?: number;
  readonly wall_ms?: number;
}

/** One attempt of one gate that a worker found to be the run's next step. */
export interface DueGate {
  readonly run: GovernedRunInput;
  readonly rules_version: number;
  readonly pack_sha256: string;
  readonly gate: GateId;
  readonly attempt: number;
  readonly principal: string;
  /** Digests of the attempt records that count for the gates before. */
  readonly inputs: Partial<Record<GateId, string>>;
  readonly feedback: readonly Feedback[];
  /** The hash of the entry that started the attempt. */
  readonly nonce: string;
  /** When that was, by the ledger. */
  readonly started_at: string;
  /** What the attempt may still spend, by what its ledger has of earlier ones; absent without budgets. */
  readonly budget?: BudgetLeft;
  /** The ledger up to and with that entry; it was verified as far as it went. */
  readonly ledger: LedgerHead;
}

/** What came of an attempt: a verdict is a value, never an exception. Bounded in size whatever the work's size. */
export interface GateOutcome {
  readonly verdict: Verdict;
  readonly reason: string | null;
  readonly output_sha256: string;
  readonly findings: readonly Finding[];
  readonly findings_omitted: number;
  /** Of those that did not travel: how many block, and how many an approval would have to acknowledge. */
  readonly blocking_omitted: number;
  readonly severe_omitted: number;
  readonly escalation: EscalationReport | null;
  /** The weakest sandbox of the attempt's programs; absent in results from before there was one. */
  readonly sandbox?: SandboxKind | undefined;
  /** What the attempt used; in runs whose policy has budgets. */
  readonly spent?: Spent | undefined;
}

export interface ExecuteGateResult extends GateOutcome {
  /** The result signed by the gate's principal, or null when this worker has no key for it. */
  readonly attestation: Envelope | null;
}

/** What travels of a result: of a signed one the envelope alone, so that nothing beside it can count. */
export type SentGateResult = ExecuteGateResult | { readonly attestation: Envelope };

/**
 * What became of a start. A refused one takes no run id and leaves no tree. Where the run is in Temporal comes back too:
 * a replay elsewhere, as tests do, must write the same first entry.
 */
export type OpenRunResult =
  | { readonly kind: 'opened'; readonly workflow: RunWorkflow; readonly plan: RunPlan }
  | { readonly kind: 'failed'; readonly workflow: RunWorkflow; readonly code: string; readonly message: string }
  | { readonly kind: 'refused'; readonly code: string; readonly message: string };

/**
 * When a local activity gave its answer, by the clock of the workflow. The workflow's own clock does not serve: where a query
 * was answered meanwhile, a replay hears of the answer in the task before, at an earlier time. Absent in older histories.
 */
type Timed<T> = T & { readonly answered_at?: string };

/** What the ledger and the journal are brought together for: a step that the engine signs, or, with `save`, none. */
export type SyncPurpose = HeadPurpose | 'save';

export interface SyncJournalInput {
  readonly run_id: string;
  readonly purpose: SyncPurpose;
  /** The step that is due next, where a gate is. */
  readonly gate: GateId | null;
  readonly attempt: number;
  readonly ledger: LedgerReference;
}

export interface SyncJournalResult {
  /** The entries that were not in the store before; null when there were none. */
  readonly segment: LedgerSegment | null;
  /** What the ledger does not account for, as sentences, and whether messages among it may still arrive. */
  readonly fork: {
    readonly fork: Fork;
    readonly missing: readonly string[];
    readonly may_arrive: boolean;
  } | null;
  /** The times of the entries that the ledger came with: from now on they are those of a replay too. Absent in older histories. */
  readonly saved_at?: readonly string[];
}

/** Asks whether a state that an execution before handed over is what its ledger leads to. */
export interface ResumeRunInput {
  readonly run: GovernedRunInput;
  readonly first_execution_run_id: string;
  readonly ledger: LedgerReference;
  /** SHA-256 of the canonical JSON of the state. */
  readonly state_sha256: string;
}

export interface FinaliseInput {
  readonly run_id: string;
  readonly ledger: LedgerReference;
}

export interface FinaliseResult {
  readonly run_record_sha256: string;
  readonly files: number;
  /** The engine's signature over the record; null where it is not signed. */
  readonly attestation: Envelope | null;
}

/** The activities that the workflow calls. Names carry a prefix, so that they live beside a team's own. */
export interface GovernanceActivities {
  /**
   * Local. Checks trust in the policy and the pack, lints the pack, takes the run id, and reads out what the domain must know.
   * @param askedAt workflow time
   */
  promptos_openRun(
    input: GovernedRunInput,
    firstExecutionRunId: string,
    askedAt: string,
  ): Promise<Timed<OpenRunResult>>;
  /**
   * Local. Saves new ledger entries, journals the engine's verified head, and says what the ledger does not account for.
   * @param askedAt workflow time
   */
  promptos_syncJournal(input: SyncJournalInput, askedAt: string): Promise<Timed<SyncJournalResult>>;
  /** Local. @throws STEP_NOT_DUE when the state is not what the ledger leads to */
  promptos_resumeRun(input: ResumeRunInput): Promise<void>;
  promptos_executeGate(input: ExecuteGateInput): Promise<SentGateResult | HandedOff>;
  promptos_finalise(input: FinaliseInput): Promise<FinaliseResult>;
}
