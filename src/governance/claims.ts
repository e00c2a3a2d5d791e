import { statementOf } from '../attestation/envelope.js';
import { canonicalSha256 } from '../contracts/canonical-json.js';
import { readEnvelope } from './authenticate.js';
import { fitsMessage } from './read-message.js';
import type { MessageClaims } from './refusals.js';

/** The fields of a message as it came. */
export const bareClaims = (content: unknown): MessageClaims => ({
  claimed_actor: textAt(content, 'actor'),
  decision_id: textAt(content, 'decision_id'),
  envelope_sha256: null,
});

/** As `bareClaims`; of a signed message, what its payload says. */
export function claimsOf(content: unknown): MessageClaims {
  const envelope = fitsMessage(content) ? readEnvelope(content) : null;
  if (envelope === null) return bareClaims(content);
  const predicate = member(statementOf(envelope), 'predicate');
  return {
    claimed_actor: textAt(predicate, 'actor'),
    decision_id: textAt(predicate, 'decisionId'),
    envelope_sha256: canonicalSha256(envelope),
  };
}

const member = (content: unknown, key: string): unknown =>
  typeof content === 'object' && content !== null && Object.hasOwn(content, key)
    ? (content as Record<string, unknown>)[key]
    : undefined;

/** Cut to a readable length. */
function textAt(content: unknown, key: string): string | null {
  const value = member(content, key);
  return typeof value === 'string' ? value.slice(0, 128).toWellFormed() : null;
}
