import { ed25519 } from '@noble/curves/ed25519.js';
import { sha256, sha512 } from '@noble/hashes/sha2.js';
import { base64, base64nopad } from '@scure/base';
import { keepLast } from '../../contracts/remember.js';

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
    const point = preparedKey(key);
    if (point !== null) return verifiesWith(point, signature, message, key);
    return ed25519.verify(signature, message, key, { zip215: false });
  } catch {
    return false;
  }
}

const { Point } = ed25519;
type CurvePoint = InstanceType<typeof Point>;

/** How often each key was asked for, and its point with a table of multiples once that pays. */
const keys = new Map<string, { readonly uses: number; readonly point: CurvePoint | null }>();
const MAX_KEYS = 32;
/** A table costs some four verifications, and takes off more than half of each from then on. */
const USES_BEFORE_TABLE = 4;
/** A window of 4 bits: some 130 KB for a key. */
const WINDOW = 4;

function preparedKey(key: Uint8Array): CurvePoint | null {
  const name = key.join();
  const { uses, point } = keys.get(name) ?? { uses: 0, point: null };
  const prepare = () => (uses < USES_BEFORE_TABLE ? null : Point.fromBytes(key, false).precompute(WINDOW));
  return keepLast(keys, name, { uses: uses + 1, point: point ?? prepare() }, MAX_KEYS).point;
}

/** What `ed25519.verify` asks, step by step, with a point that keeps its table: [8](R + [k]A - [s]B) = 0. */
function verifiesWith(point: CurvePoint, signature: Uint8Array, message: Uint8Array, key: Uint8Array): boolean {
  if (signature.length !== 64 || point.isSmallOrder()) return false;
  const r = signature.subarray(0, 32);
  const k = Point.Fn.create(littleEndian(sha512.create().update(r).update(key).update(message).digest()));
  const s = Point.BASE.multiplyUnsafe(littleEndian(signature.subarray(32)));
  return Point.fromBytes(r, false).add(point.multiplyUnsafe(k)).subtract(s).clearCofactor().is0();
}

const littleEndian = (bytes: Uint8Array): bigint =>
  bytes.reduceRight((number, byte) => (number << 8n) | BigInt(byte), 0n);

/** 2^255 - 19: the y of a key is less. */
const FIELD = 2n ** 255n - 19n;
const ORDER_8 = 2707385501144840649318225287225658788936804267575313519463743609750303402022n;
/** The y of every point whose order is 8 or less. */
const SMALL_ORDER: readonly bigint[] = [0n, 1n, FIELD - 1n, ORDER_8, FIELD - ORDER_8];

function isStrictKey(key: Uint8Array): boolean {
  // The highest bit is the sign of x.
  const y = littleEndian(key) & (2n ** 255n - 1n);
  return key.length === 32 && y < FIELD && !SMALL_ORDER.includes(y);
}
