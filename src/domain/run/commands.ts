import type { GateId } from '../../contracts/names.js';
import type { ArtifactRef } from '../../contracts/primitives.js';
import type { SentGateResult } from '../../contracts/run/activities.js';
import type { Spent } from '../../contracts/run/budget.js';
import type { DecisionAnswer, RefusalReason } from '../../contracts/run/decisions.js';
import type { EscalationReport } from '../../contracts/run/escalation.js';
import type { LedgerEvent, RunWorkflow } from '../../contracts/run/ledger.js';
import type { GovernedRunInput, RunPlan } from '../../contracts/run/run-plan.js';

/** The input of the reducer. People's messages come as they arrived, not checked yet. */
export type Command =
  | { readonly type: 'open'; readonly run: GovernedRunInput; readonly workflow: RunWorkflow; readonly plan: RunPlan }
  | {
      readonly type: 'failToOpen';
      readonly run: GovernedRunInput;
      readonly workflow: RunWorkflow;
      readonly code: string;
      readonly message: string;
    }
  | { readonly type: 'startGate'; readonly gate: GateId; readonly attempt: number }
  | { readonly type: 'finishGate'; readonly gate: GateId; readonly attempt: number; readonly result: SentGateResult }
  | { readonly type: 'handOffGate'; readonly gate: GateId; readonly attempt: number }
  | {
      readonly type: 'interruptGate';
      readonly gate: GateId;
      readonly attempt: number;
      readonly code: string;
      readonly message: string;
      /** What its tries used, as far as it is known. */
      readonly spent?: Spent | undefined;
      /** What the set-up command printed that failed; paths within the attempt's folder. */
      readonly logs?: readonly ArtifactRef[] | undefined;
    }
  | { readonly type: 'message'; readonly kind: MessageKind; readonly content: unknown }
  /** The ledger and the journal differ. */
  | { readonly type: 'fork'; readonly report: EscalationReport }
  /** Every gate has passed, and the journal holds nothing that speaks against it. */
  | { readonly type: 'close' }
  | { readonly type: 'clock' }
  /**
   * Temporal's own cancellation, which is not signed.
   * `unmarked`: replayed from a ledger of before, whose closing does not say so.
   */
  | { readonly type: 'cancel'; readonly unmarked?: true };

/** `approve` and `reject` are decisions whose choice the signal's name gives. */
export type MessageKind = 'approve' | 'reject' | 'decision' | 'resolution' | 'escalation' | 'cancellation' | 'signal';

export interface DecideContext {
  /** Workflow time. */
  readonly at: string;
  /** Refusals that were no longer recorded in full, by reason: they go into `runClosed`. */
  readonly refusals_counted: Partial<Record<RefusalReason, number>>;
}

export interface Decided {
  readonly events: readonly LedgerEvent[];
  readonly answer: DecisionAnswer;
  /** A refusal beyond those that are recorded in full: the driver counts it. */
  readonly uncounted: RefusalReason | null;
}
