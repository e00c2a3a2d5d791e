import { createHash, createPrivateKey, createPublicKey, sign } from 'node:crypto';
import { canonicalJson } from '../../src/contracts/json.js';
import type { Envelope } from '../../src/contracts/keys.js';
import { IN_TOTO_PAYLOAD_TYPE, preAuthenticationEncoding } from '../../src/domain/attest/envelope.js';
import { type PublicKey, publicKeyLine, publicKeyOf } from '../../src/domain/attest/public-keys.js';
import type { Signer } from '../../src/ports/signer.js';

/**
 * A key of the test vectors. Its seed is the SHA-256 of a label that anybody can read here, so it protects nothing and no
 * private key is kept anywhere.
 */
export interface VectorKey {
  readonly key: PublicKey;
  /** As a policy has it. */
  readonly line: string;
  readonly signer: Signer;
  seal(statement: unknown): Envelope;
  /** An envelope over any bytes at all. */
  sealBytes(payload: string | Uint8Array, payloadType?: string): Envelope;
}

/** PKCS#8 of an Ed25519 key up to its 32 bytes (RFC 8410, section 7). */
const PKCS8_HEAD = Buffer.from('302e020100300506032b657004220420', 'hex');

function makeVectorKey(label: string): VectorKey {
  const seed = createHash('sha256').update(`promptos test vectors, worthless key: ${label}`).digest();
  const privateKey = createPrivateKey({ key: Buffer.concat([PKCS8_HEAD, seed]), format: 'der', type: 'pkcs8' });
  const spki = createPublicKey(privateKey).export({ format: 'der', type: 'spki' });
  const key = publicKeyOf(spki.subarray(-32));
  const signBytes = (message: Uint8Array) => new Uint8Array(sign(null, message, privateKey));
  const sealBytes = (payload: string | Uint8Array, payloadType = IN_TOTO_PAYLOAD_TYPE): Envelope => {
    const bytes = Buffer.from(payload);
    const sig = Buffer.from(signBytes(preAuthenticationEncoding(payloadType, bytes))).toString('base64');
    return { payloadType, payload: bytes.toString('base64'), signatures: [{ keyid: key.keyid, sig }] };
  };
  return {
    key,
    line: publicKeyLine(key),
    signer: { keyid: key.keyid, publicKey: key.raw, sign: async (message) => signBytes(message) },
    seal: (statement) => sealBytes(canonicalJson(statement)),
    sealBytes,
  };
}

const LABELS = [
  ...['ada', 'grace', 'ivan', 'nina', 'vera', 'rex', 'engine'],
  // Keys that a policy had before or has after, and one that no policy has.
  ...['grace-old', 'engine-old', 'stranger'],
] as const;
/** Whose key, or which. */
export type VectorKeyName = (typeof LABELS)[number];

/** Everybody's keys, by name. */
export const VECTOR_KEYS = Object.fromEntries(LABELS.map((label) => [label, makeVectorKey(label)])) as Readonly<
  Record<VectorKeyName, VectorKey>
>;

/** The key that has an id, if it is one of the vectors'. */
export const vectorKeyById = (keyid: string): VectorKey | undefined =>
  Object.values(VECTOR_KEYS).find(({ key }) => key.keyid === keyid);
