/** What this worker trusts now. Asked anew at every gate, since the files behind it may change while a run waits. */
export interface TrustRegistry {
  /** Digests of the policies that the worker's config names, read at this moment. */
  trustedPolicies(): Promise<ReadonlySet<string>>;
}
