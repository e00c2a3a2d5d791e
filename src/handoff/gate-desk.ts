import type { GateId, Verdict } from '../contracts/names.js';
import type { LedgerReference } from '../contracts/run/activities.js';
import type { Finding } from '../contracts/run/findings.js';
import type { HeldClaim } from '../contracts/run/gate-claim.js';
import type { GovernancePorts } from '../ports/index.js';
import type { Signer } from '../ports/signer.js';

/** What a claim or a submission asks of the run itself. No worker has to be there. */
interface HandedOffRuns {
  /** The run's ledger as far as it is known. It is verified before anything is done with it. */
  ledger(runId: string): Promise<LedgerReference>;
  /** Has the run look into its journal again. The signal carries nothing: what counts is signed in the journal. */
  lookAgain(runId: string): Promise<void>;
}

/** Where a principal works on gates that are done elsewhere. */
export interface GateDesk {
  /** As a role's worker has them, from the same worker config. */
  readonly ports: Omit<GovernancePorts, 'signers'>;
  readonly runs: HandedOffRuns;
  /** Whose gates are done. */
  readonly principal: string;
  /** Signs with the principal's key under the given policy. @throws PromptOsError KEY_NOT_FOUND, KEY_LOCKED and others */
  signer(policySha256: string): Promise<Signer>;
  /** Who of those with the principal's key works here, such as `ada@laptop`. */
  readonly claimant: string;
  /** Absolute folder in which claimed gates get a folder each. */
  readonly folder: string;
  /** How folders are made, copied and looked through: `src/adapters/{platform/make-folders,workspace/tree/*}.ts`. */
  readonly files: {
    makeFolders(path: string): Promise<unknown>;
    copyCheckout(from: string, to: string): Promise<void>;
    replaceFiles(from: string, to: string): Promise<void>;
    sealFolder(folder: string): Promise<void>;
    writtenSince(folder: string): Promise<readonly string[] | null>;
  };
  readonly signal: AbortSignal;
  /** Hears what is done meanwhile, such as a check that runs. */
  say?(activity: string): void;
}

export interface WantedGate {
  readonly run_id: string;
  /** Refused when another gate is handed off now; null takes what there is. */
  readonly gate: GateId | null;
}

/** A gate that the principal has claimed, and the files to work with. */
export interface OpenedGate {
  readonly run_id: string;
  readonly gate: GateId;
  readonly title: string;
  readonly attempt: number;
  readonly principal: string;
  readonly claim: HeldClaim;
  /** Whether the claimant had the gate before: then its files are as they were left. */
  readonly again: boolean;
  /** The rendered prompt. */
  readonly prompt: string;
  /** JSON Schema 2020-12 of the output, and of an escalation in its place. */
  readonly output_schema: object;
  readonly files: {
    readonly folder: string;
    /** A git working tree: the base commit, and from P06 on the patch too. */
    readonly checkout: string;
    readonly prompt: string;
    readonly output_schema: string;
    /** Where the output is looked for when no other file is named. It need not exist yet. */
    readonly output: string;
  };
  /** Whether the files of the checkout are the work: true for P05 alone. */
  readonly edits_files: boolean;
}

export interface Submission extends WantedGate {
  readonly gate: GateId;
  /** The answer as JSON: an output of the gate's shape, or an escalation. */
  readonly output: string;
  /** P05: the change, in place of the files of the claimed checkout. */
  readonly patch: Uint8Array | null;
  /** Submits an attempt that fails by its findings. Without it such an attempt is shown and not submitted. */
  readonly submit_failing: boolean;
}

/** What came of a submission. */
export type SubmissionAnswer =
  | {
      /** Signed and journalled: this result counts. */
      readonly kind: 'submitted';
      readonly result: SubmittedResult;
      /** Whether this very attempt had been submitted before: the run was notified again, and nothing else was done. */
      readonly before: boolean;
    }
  /** It fails by its findings, and nothing was submitted. */
  | { readonly kind: 'failing'; readonly result: SubmittedResult };

export interface SubmittedResult {
  readonly run_id: string;
  readonly gate: GateId;
  readonly attempt: number;
  readonly verdict: Verdict;
  readonly reason: string | null;
  readonly output_sha256: string;
  readonly findings: readonly Finding[];
}
