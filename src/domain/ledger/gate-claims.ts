import { canonicalJson, sameJson } from '../../contracts/json.js';
import type { PinnedKey } from '../../contracts/keys.js';
import type { GateClaim, HeldClaim } from '../../contracts/run/gate-claim.js';
import type { JournalEntry } from '../../contracts/run/journal.js';
import { gateClaimStatement } from '../attest/acts.js';
import { openEnvelope } from '../attest/envelope.js';
import { isValidAt } from '../judge/authenticate.js';
import type { ResultStep } from './journalled-results.js';

/** Whether a key of the principal signed the claim, and it is about this very attempt. */
function isClaimOf(step: ResultStep, entry: Extract<JournalEntry, { kind: 'claim' }>, keys: readonly PinnedKey[]) {
  const { claim, envelope } = entry;
  if (claim.run_id !== step.run_id || claim.principal !== step.principal || claim.nonce !== step.nonce) return false;
  const opened = openEnvelope(
    envelope,
    keys.filter((key) => isValidAt(key, claim.at)),
  );
  return opened.ok && sameJson(opened.payload, gateClaimStatement(claim));
}

const isOver = (claim: HeldClaim, at: string): boolean => Date.parse(claim.until) <= Date.parse(at);

/**
 * The claim that holds an attempt of a gate at an instant: the first one of the journal's order until it is released or ends.
 * A claim of another claimant meanwhile does not count; the same claimant's own prolongs it.
 * @param keys of the principal
 */
export function heldClaim(
  journal: readonly { readonly entry: JournalEntry | null }[],
  step: ResultStep,
  keys: readonly PinnedKey[],
  at: string,
): HeldClaim | null {
  let held: GateClaim | null = null;
  const seen = new Set<string>();
  for (const { entry } of journal) {
    if (entry?.kind !== 'claim' || !isClaimOf(step, entry, keys)) continue;
    const { claim } = entry;
    // Whoever can write to the store can append a signed entry again: it counts once.
    const said = canonicalJson(claim);
    if (seen.has(said)) continue;
    seen.add(said);
    if (held !== null && isOver(held, claim.at)) held = null;
    const isOwn = held === null || held.claimant === claim.claimant;
    if (isOwn) held = claim.action === 'claim' ? claim : null;
  }
  if (held === null || isOver(held, at)) return null;
  const { claimant, until } = held;
  return { claimant, at: held.at, until };
}
