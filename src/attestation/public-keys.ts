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
