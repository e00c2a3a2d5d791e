import { generateKeyPairSync, sign } from 'node:crypto';
import { canonicalJson } from '../../src/contracts/json.js';
import type { Envelope, PinnedKey } from '../../src/contracts/keys.js';
import { preAuthenticationEncoding } from '../../src/domain/attest/envelope.js';
import { type PublicKey, publicKeyLine, publicKeyOf } from '../../src/domain/attest/public-keys.js';

const PAYLOAD_TYPE = 'application/vnd.in-toto+json';

/** A throwaway key of a test's own, made and used without waiting. */
export interface TestKey {
  readonly key: PublicKey;
  /** As a policy has it. */
  readonly line: string;
  /** PKCS#8 PEM. */
  readonly pem: string;
  readonly pinned: PinnedKey;
  /** The raw signature over any bytes. */
  sign(message: Uint8Array): Uint8Array;
  seal(statement: object): Envelope;
  /** An envelope over any bytes at all. */
  sealBytes(payload: string, payloadType?: string): Envelope;
}

export function makeTestKey(times: Partial<PinnedKey> = {}): TestKey {
  const { privateKey, publicKey } = generateKeyPairSync('ed25519');
  const key = publicKeyOf(publicKey.export({ format: 'der', type: 'spki' }).subarray(-32));
  const sealBytes = (payload: string, payloadType = PAYLOAD_TYPE): Envelope => {
    const bytes = Buffer.from(payload);
    const sig = sign(null, preAuthenticationEncoding(payloadType, bytes), privateKey).toString('base64');
    return { payloadType, payload: bytes.toString('base64'), signatures: [{ keyid: key.keyid, sig }] };
  };
  return {
    key,
    line: publicKeyLine(key),
    pem: privateKey.export({ format: 'pem', type: 'pkcs8' }).toString(),
    pinned: { ...key, valid_from: null, valid_until: null, revoked_at: null, ...times },
    sign: (message) => sign(null, message, privateKey),
    seal: (statement) => sealBytes(canonicalJson(statement)),
    sealBytes,
  };
}
