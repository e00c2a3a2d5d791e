import { sha256 } from '@noble/hashes/sha2.js';
import { bytesToHex, utf8ToBytes } from '@noble/hashes/utils.js';

/** Hexadecimal SHA-256 of bytes, or of a text's UTF-8. */
export type Sha256Hex = (content: Uint8Array | string) => string;

let hash: Sha256Hex = (content) => bytesToHex(sha256(typeof content === 'string' ? utf8ToBytes(content) : content));

/** Has digests made by code of the platform, which takes a tenth of the time. Workflows have no platform: they never call this. */
export function hashNatively(native: Sha256Hex): void {
  hash = native;
}

/**
 * Hexadecimal SHA-256 of bytes, or of a text's UTF-8. Pure, so it runs in the workflow sandbox: some 3 ms for 30 KiB
 * there, so larger things are hashed in activities.
 */
export const sha256Hex: Sha256Hex = (content) => hash(content);

/** The same for bytes that come in pieces. */
export function createSha256(): { update(piece: Uint8Array): void; digest(): string } {
  const hash = sha256.create();
  return { update: (piece) => void hash.update(piece), digest: () => bytesToHex(hash.digest()) };
}
