import type { KeyProtection } from '../contracts/names.js';

/**
 * Signs with one private Ed25519 key that the caller never sees: a file, an agent, a key management service.
 * The signature is the raw one of RFC 8032 over exactly these bytes.
 */
export interface Signer {
  /** As `ssh-keygen -l` prints it: `SHA256:…`. */
  readonly keyid: string;
  /** The 32 bytes of the public key, as base64. */
  readonly publicKey: string;
  /** How the private key is kept, where the signer knows. */
  readonly protection?: KeyProtection;
  /** @throws PromptOsError KEY_NOT_READABLE, KEY_LOCKED, AGENT_FAILED */
  sign(message: Uint8Array): Promise<Uint8Array>;
}

/** The keys that this worker signs with: those of the principals whose gates it does, and the engine's. */
export interface SignerRegistry {
  /** Null when this worker holds no key of the principal. */
  forPrincipal(name: string): Signer | null;
  forEngine(): Signer | null;
}

/** What this worker trusts now. Asked again at every gate, since the files behind it may change while a run waits. */
export interface TrustRegistry {
  /** Digests of the policies that the worker's config names, read at this moment. */
  trustedPolicies(): Promise<ReadonlySet<string>>;
}
