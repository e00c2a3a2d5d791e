import { ed25519 } from '@noble/curves/ed25519.js';
import { sha256 } from '@noble/hashes/sha2.js';
import { base64, base64nopad } from '@scure/base';

/** A public Ed25519 key, and the name that envelopes and logs call it by. */
export interface PublicKey {
  /** As `ssh-keygen -l` prints it: `SHA256:` and the unpadded base64 of the SHA-256 of the SSH wire form. */
  readonly keyid: string;
  /** The 32 bytes, as base64. */
  readonly raw: string;
}

const SSH_TYPE = 'ssh-ed25519';
const KEY_BYTES = 32;

/** The SSH wire form: two strings, each behind its length in four bytes, big endian (RFC 8709, section 4). */
function sshWireForm(raw: Uint8Array): Uint8Array {
  const type = new TextEncoder().encode(SSH_TYPE);
  const wire = new Uint8Array(8 + type.length + raw.length);
  const view = new DataView(wire.buffer);
  view.setUint32(0, type.length);
  wire.set(type, 4);
  view.setUint32(4 + type.length, raw.length);
  wire.set(raw, 8 + type.length);
  return wire;
}

/** The key of 32 raw bytes. */
export const publicKeyOf = (raw: Uint8Array): PublicKey => ({
  keyid: `SHA256:${base64nopad.encode(sha256(sshWireForm(raw)))}`,
  raw: base64.encode(raw),
});

/** The line that a policy holds: `ssh-ed25519 AAAA…`, as in an `authorized_keys` file. */
export const publicKeyLine = ({ raw }: PublicKey): string =>
  `${SSH_TYPE} ${base64.encode(sshWireForm(base64.decode(raw)))}`;

/**
 * Reads `ssh-ed25519 AAAA… [comment]`.
 * @returns null when it is none
 */
export function readPublicKeyLine(line: string): PublicKey | null {
  const [type, blob] = line.trim().split(/\s+/);
  if (type !== SSH_TYPE || blob === undefined) return null;
  try {
    const wire = base64.decode(blob);
    const raw = wire.slice(wire.length - KEY_BYTES);
    const key = publicKeyOf(raw);
    // The one canonical wire form, so that no two lines name the same key.
    return base64.encode(sshWireForm(raw)) === blob ? key : null;
  } catch {
    return null;
  }
}

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
