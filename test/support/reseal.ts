import type { Envelope } from '../../src/contracts/keys.js';
import type { Loose } from './mutable-tree.js';
import { type VectorKey, vectorKeyById } from './vector-keys.js';

/** The payload of an envelope, whatever its signature. */
export const payloadOf = (envelope: Envelope): Loose<Record<string, never>> & object =>
  JSON.parse(Buffer.from(envelope.payload, 'base64').toString('utf8'));

/** The key that signed an envelope, if an attacker who has these keys has it. */
export const keyOf = (keys: readonly VectorKey[], envelope: Envelope): VectorKey | null => {
  const key = vectorKeyById(envelope.signatures[0]?.keyid ?? '');
  return key !== undefined && keys.includes(key) ? key : null;
};

/** The same statement with other digests, signed again with the same key where the attacker has it. */
export function exchanged(
  envelope: Envelope,
  exchange: (text: string) => string,
  keys: readonly VectorKey[],
): Envelope {
  const before = Buffer.from(envelope.payload, 'base64').toString('utf8');
  const after = exchange(before);
  const key = keyOf(keys, envelope);
  return after === before || key === null ? envelope : key.sealBytes(after);
}
