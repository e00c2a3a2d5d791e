import type { GateId } from './names.js';
import type { PromptPackBundle } from './prompt-pack.js';
import type { RunRequest } from './run-request.js';

/** What a run is started with. */
export interface StartRunOptions {
  readonly runId: string;
  readonly developer: string;
  /** The name that the workers' configs know the repository by. */
  readonly targetRepo: string;
  readonly baseCommit: string;
  readonly gates: readonly GateId[];
  readonly request: RunRequest;
  /** The exact bytes of the policy file: their SHA-256 is what the run is bound to. */
  readonly policy: Uint8Array;
  readonly pack: PromptPackBundle;
}
