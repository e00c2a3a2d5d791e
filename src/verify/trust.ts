import type { Policy } from '../contracts/policy.js';
import type { PromptOsPolicy } from './promptos-policy.js';

/** A policy that the verifier hands in, by the digest of its bytes. */
export interface TrustedPolicy {
  readonly sha256: string;
  readonly policy: Policy;
}

/** What a tree is judged by. */
export interface VerifyTrust {
  /**
   * The policies that count. The run's own must be one of them; a revocation counts whichever of them says it, so that
   * their order cannot lose one. With none, the tree vouches for itself.
   */
  readonly policies: readonly TrustedPolicy[];
  /** The run whose tree it must be, where a run was asked for and not a folder. */
  readonly runId?: string;
  /** Of existing PromptOS tooling, checked on top. */
  readonly promptosPolicy?: PromptOsPolicy;
  /** `pending` before the engine has signed: nothing of its own is expected yet. */
  readonly engineSignatures?: 'expected' | 'pending';
}
