import { createHash } from 'node:crypto';
import { ED25519_TORSION_SUBGROUP, ed25519 } from '@noble/curves/ed25519.js';
import fc from 'fast-check';
import { describe, expect, test, vi } from 'vitest';
import { verifiesStrictly, verifyNativelyFirst } from '../../../src/domain/attest/public-keys.js';
import { verifyNatively } from '../../../src/verify/native-crypto.js';

const { Point } = ed25519;
const strictly = (signature: Uint8Array, message: Uint8Array, key: Uint8Array): boolean => {
  try {
    return ed25519.verify(signature, message, key, { zip215: false });
  } catch {
    return false;
  }
};
const both = (signature: Uint8Array, message: Uint8Array, key: Uint8Array) => {
  const wanted = strictly(signature, message, key);
  verifyNativelyFirst(verifyNatively);
  const answer = verifiesStrictly(signature, message, key);
  // As in a workflow, until the key is used often enough to have a table, and then with it.
  verifyNativelyFirst(() => false);
  for (let use = 0; use < 6; use += 1) expect(verifiesStrictly(signature, message, key)).toBe(wanted);
  return { answer, wanted };
};
const bytes = (hex: string): Uint8Array => Buffer.from(hex, 'hex');

describe('verifiesStrictly', () => {
  test('a genuine signature holds, and the platform says so first; a changed one never does', async () => {
    const platform = vi.fn(verifyNatively);
    verifyNativelyFirst(platform);
    await fc.assert(
      fc.asyncProperty(fc.uint8Array({ maxLength: 200 }), fc.nat({ max: 63 }), async (message, at) => {
        const { secretKey, publicKey } = ed25519.keygen();
        const signature = ed25519.sign(message, secretKey);
        expect(verifiesStrictly(signature, message, publicKey)).toBe(true);
        expect(platform).toHaveLastReturnedWith(true);
        signature[at] = (signature[at] ?? 0) ^ 1;
        expect(verifiesStrictly(signature, message, publicKey)).toBe(false);
      }),
      { numRuns: 20 },
    );
  });

  test('without a platform, a key that is used often: the answers stay those of the library', () => {
    verifyNativelyFirst(() => false);
    const { secretKey, publicKey } = ed25519.keygen();
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 200 }), fc.nat({ max: 511 }), (message, bit) => {
        const signature = ed25519.sign(message, secretKey);
        expect(verifiesStrictly(signature, message, publicKey)).toBe(true);
        expect(verifiesStrictly(signature, Buffer.concat([message, bytes('00')]), publicKey)).toBe(false);
        signature[bit >> 3] = (signature[bit >> 3] ?? 0) ^ (1 << (bit & 7));
        expect(verifiesStrictly(signature, message, publicKey)).toBe(strictly(signature, message, publicKey));
      }),
      { numRuns: 40 },
    );
  });

  test('the platform: what it has verified says nothing of another signature, message or key', () => {
    const [one, other] = [ed25519.keygen(), ed25519.keygen()];
    const message = Buffer.from('verified');
    const signature = ed25519.sign(message, one.secretKey);
    const changed = Uint8Array.from(signature, (byte, at) => (at === 63 ? byte ^ 1 : byte));
    for (let time = 0; time < 2; time += 1) {
      expect(verifyNatively(signature, message, one.publicKey)).toBe(true);
      expect(verifyNatively(changed, message, one.publicKey)).toBe(false);
      expect(verifyNatively(signature, Buffer.from('Verified'), one.publicKey)).toBe(false);
      expect(verifyNatively(signature, message, other.publicKey)).toBe(false);
    }
  });

  test.each(ED25519_TORSION_SUBGROUP)('a key of small order %s: refused, though the platform may take it', (hex) => {
    const key = bytes(hex);
    // R is the neutral element and S zero: the equation holds for every message whose hash the order divides.
    const signature = Buffer.concat([bytes(`01${'0'.repeat(62)}`), Buffer.alloc(32)]);
    let taken = 0;
    for (let index = 0; index < 64; index += 1) {
      const message = Buffer.from(`message ${index}`);
      if (verifyNatively(signature, message, key)) taken += 1;
      expect(both(signature, message, key)).toEqual({ answer: false, wanted: false });
    }
    // A later OpenSSL refuses them itself.
    if (process.versions.openssl.startsWith('3.0.')) expect(taken).toBeGreaterThan(0);
  });

  test.each([
    ['the neutral element, y of 2^255 - 18', `ee${'ff'.repeat(30)}7f`],
    ['y of 2^255 - 19', `ed${'ff'.repeat(30)}7f`],
    ['y of 2^255 - 1', `${'ff'.repeat(31)}7f`],
    ['31 bytes', '01'.repeat(31)],
    ['33 bytes', '01'.repeat(33)],
  ])('a key in another encoding (%s): the answer is the library’s', (_, hex) => {
    const signature = Buffer.concat([bytes(`01${'0'.repeat(62)}`), Buffer.alloc(32)]);
    const { answer, wanted } = both(signature, Buffer.from('x'), bytes(hex));
    expect(answer).toBe(wanted);
    expect(answer).toBe(false);
  });

  test('a signature that only the equation with the cofactor takes: the answer is the library’s', () => {
    const secret = 123_456_789n;
    const nonce = 987_654_321n;
    const key = Point.BASE.multiply(secret).toBytes();
    const torsion = Point.fromHex(ED25519_TORSION_SUBGROUP[1] as string, true);
    const r = Point.BASE.multiply(nonce).add(torsion).toBytes();
    const message = Buffer.from('mixed');
    const hash = createHash('sha512').update(r).update(key).update(message).digest().reverse().toString('hex');
    const s = Point.Fn.create(nonce + Point.Fn.create(BigInt(`0x${hash}`)) * secret);
    const signature = Buffer.concat([r, Buffer.from(s.toString(16).padStart(64, '0'), 'hex').reverse()]);
    expect(verifyNatively(signature, message, key)).toBe(false);
    expect(both(signature, message, key)).toEqual({ answer: true, wanted: true });
  });
});
