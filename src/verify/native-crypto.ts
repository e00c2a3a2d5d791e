import { createHash, createPublicKey, type KeyObject, verify } from 'node:crypto';
import { hashNatively } from '../contracts/digest.js';
import { keepLast } from '../contracts/remember.js';
import { verifyNativelyFirst } from '../domain/attest/public-keys.js';

/** Keys that were loaded, by their bytes in hexadecimal; a run has a dozen. */
const loaded = new Map<string, KeyObject>();
const MAX_LOADED = 100;

function loadKey(key: Uint8Array): KeyObject {
  const bytes = Buffer.from(key);
  const name = bytes.toString('hex');
  const make = () =>
    createPublicKey({ key: { kty: 'OKP', crv: 'Ed25519', x: bytes.toString('base64url') }, format: 'jwk' });
  return keepLast(loaded, name, loaded.get(name) ?? make(), MAX_LOADED);
}

/**
 * Signatures that this process has verified, by a digest of key, signature and message: a run's thirty are asked for some
 * hundred times, as its past is judged before each step. What was refused is not kept.
 */
const verified = new Map<string, true>();
const MAX_VERIFIED = 4_096;

/** Ed25519 by node's own OpenSSL. False for bytes that are no key. */
export function verifyNatively(signature: Uint8Array, message: Uint8Array, key: Uint8Array): boolean {
  if (signature.length !== 64 || key.length !== 32) return false;
  // Both have one length, so no two triples give the same bytes.
  const name = createHash('sha256').update(key).update(signature).update(message).digest('base64');
  if (verified.has(name)) return keepLast(verified, name, true, MAX_VERIFIED);
  try {
    return verify(null, message, loadKey(key), signature) && keepLast(verified, name, true, MAX_VERIFIED);
  } catch {
    return false;
  }
}

/**
 * Has this process hash, and verify signatures, with node's own OpenSSL in a tenth of the time. The answers are the same;
 * the pure code stays what workflows use.
 */
export function useNativeCrypto(): void {
  verifyNativelyFirst(verifyNatively);
  hashNatively((content) => createHash('sha256').update(content).digest('hex'));
}
