import type { BaselineCheck } from '../contracts/gate-outputs.js';

/** What a check did on the base commit is the same for every run with the same values of these. */
export interface BaselineKey {
  readonly repository: string;
  readonly base_commit: string;
  readonly policy_sha256: string;
  /** The check's name. */
  readonly check: string;
}

/** What checks did on base commits, as earlier runs on this worker saw it. */
export interface KeptBaselines {
  /** Null when it is not known; what cannot be read is not known. */
  recall(key: BaselineKey): Promise<BaselineCheck | null>;
  /** What cannot be kept is dropped: the next run sees for itself. */
  keep(key: BaselineKey, check: BaselineCheck): Promise<void>;
}
