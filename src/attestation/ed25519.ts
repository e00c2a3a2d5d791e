import { ed25519 } from '@noble/curves/ed25519.js';

/** Whether a signature over a message is by a key of 32 raw bytes. */
export type VerifyBytes = (signature: Uint8Array, message: Uint8Array, key: Uint8Array) => boolean;

let native: VerifyBytes | null = null;

/**
 * Has signatures verified by code of the platform first, which takes a tenth of the time. Workflows have no platform, so
 * they never call this; every answer is the same with and without it.
 */
export function verifyNativelyFirst(verify: VerifyBytes): void {
  native = verify;
}

/**
 * RFC 8032 with the strict check of points: a signature that only some libraries take is taken by none here.
 *
 * Platforms check the equation without the cofactor, which is the stricter one, and take keys of small order or in
 * another encoding. So what the platform takes holds when the key is a strict one; what it refuses, the library decides.
 */
export function verifiesStrictly(signature: Uint8Array, message: Uint8Array, key: Uint8Array): boolean {
  try {
    if (native !== null && isStrictKey(key) && native(signature, message, key)) return true;
    return ed25519.verify(signature, message, key, { zip215: false });
  } catch {
    return false;
  }
}

/** 2^255 - 19: the y of a key is less. */
const FIELD = 2n ** 255n - 19n;
const ORDER_8 = 2707385501144840649318225287225658788936804267575313519463743609750303402022n;
/** The y of every point whose order is 8 or less. */
const SMALL_ORDER: readonly bigint[] = [0n, 1n, FIELD - 1n, ORDER_8, FIELD - ORDER_8];

function isStrictKey(key: Uint8Array): boolean {
  let y = 0n;
  for (let index = key.length - 1; index >= 0; index -= 1) {
    // The highest bit is the sign of x.
    y = (y << 8n) | BigInt((key[index] ?? 0) & (index === 31 ? 0x7f : 0xff));
  }
  return key.length === 32 && y < FIELD && !SMALL_ORDER.includes(y);
}
