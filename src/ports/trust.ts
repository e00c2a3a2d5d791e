import type { Policy } from '../contracts/policy.js';

/** A policy as it was pinned: its bytes are in the store under this digest. */
export interface PinnedPolicy {
  readonly sha256: string;
  readonly policy: Policy;
}

/** What this worker trusts now. Asked anew at every gate, since the files behind it may change while a run waits. */
export interface TrustRegistry {
  /** Digests of the policies that the worker's config names, read at this moment. */
  trustedPolicies(): Promise<ReadonlySet<string>>;
}
