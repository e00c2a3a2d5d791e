import type { Client } from '@temporalio/client';
import type { GateId } from '../contracts/names.js';
import type { PromptPackBundle } from '../contracts/prompt-pack.js';
import type { DecisionAnswer } from '../contracts/run/decisions.js';
import type { RunRequest } from '../contracts/run/run-request.js';
import type { ArtifactStore } from '../ports/artifact-store.js';
import type { Signer } from '../ports/signer.js';

export interface GovernedRunsOptions {
  readonly client: Client;
  /** The engine's queue. */
  readonly taskQueue: string;
  /** The store that the workers use: a start puts the request, the policy and the pack there. */
  readonly store: ArtifactStore;
  /**
   * The key that a principal signs with under a policy; null to send unsigned, which only an optional policy takes.
   * Without it nothing is signed.
   */
  readonly signerFor?: SignerFor;
  /** Milliseconds that a worker has for answering; by default 2,000 for messages, and 10,000 for the status. */
  readonly answerTimeoutMs?: number;
}

/** Finds the signer of a principal. */
export type SignerFor = (principal: string, policySha256: string) => Promise<Signer | null>;

export interface StartRunOptions {
  readonly runId: string;
  readonly developer: string;
  /** The name that the workers' configs know the repository by. */
  readonly targetRepo: string;
  readonly baseCommit: string;
  /** The branch whose tip that is: P06 looks whether it has moved on. */
  readonly baseBranch?: string;
  readonly gates: readonly GateId[];
  readonly request: RunRequest;
  /** The exact bytes of the policy file: their SHA-256 is what the run is bound to. */
  readonly policy: Uint8Array;
  readonly pack: PromptPackBundle;
}

/** What became of a message: judged by the run, or left for the next worker. */
export type Delivery = { readonly kind: 'answered'; readonly answer: DecisionAnswer } | { readonly kind: 'queued' };
