import { createPublicKey, type KeyObject, verify } from 'node:crypto';

/** Keys that were loaded, by their bytes in hexadecimal; a run has a dozen. */
const loaded = new Map<string, KeyObject>();
const MAX_LOADED = 100;

/** Ed25519 by node's own OpenSSL. False for bytes that are no key. */
export function verifyNatively(signature: Uint8Array, message: Uint8Array, key: Uint8Array): boolean {
  try {
    return verify(null, message, loadKey(key), signature);
  } catch {
    return false;
  }
}

function loadKey(key: Uint8Array): KeyObject {
  const bytes = Buffer.from(key);
  const name = bytes.toString('hex');
  const known = loaded.get(name);
  if (known !== undefined) return known;
  const made = createPublicKey({ key: { kty: 'OKP', crv: 'Ed25519', x: bytes.toString('base64url') }, format: 'jwk' });
  if (loaded.size >= MAX_LOADED) loaded.clear();
  loaded.set(name, made);
  return made;
}
