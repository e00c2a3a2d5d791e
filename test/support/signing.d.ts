import { type PublicKey } from '../../src/attestation/public-keys.js';
import type { Envelope, PinnedKey } from '../../src/contracts/keys.js';
/** A throwaway key of a test's own, made and used without waiting. */
export interface TestKey {
    readonly key: PublicKey;
    /** As a policy has it. */
    readonly line: string;
    /** PKCS#8 PEM. */
    readonly pem: string;
    readonly pinned: PinnedKey;
    seal(statement: object): Envelope;
    /** An envelope over any bytes at all. */
    sealBytes(payload: string, payloadType?: string): Envelope;
}
export declare function makeTestKey(times?: Partial<PinnedKey>): TestKey;
