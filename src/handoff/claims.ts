import { signStatement } from '../activities/proof/attest-attempt.js';
import { appendJudged } from '../activities/proof/run-journal.js';
import { PromptOsError } from '../contracts/errors.js';
import type { GateClaim, HeldClaim } from '../contracts/run/gate-claim.js';
import type { JournalEntry, PlacedJournalEntry } from '../contracts/run/journal.js';
import { gateClaimStatement } from '../domain/attest/acts.js';
import { heldClaim } from '../domain/ledger/gate-claims.js';
import { firstResult } from '../domain/ledger/journalled-results.js';
import type { HandedOffGate } from './handed-off-gate.js';

const isoNow = (): string => new Date().toISOString();

/** @throws PromptOsError GATE_CLAIMED when another claimant has the gate */
function requireOwn(found: HandedOffGate, held: HeldClaim | null, claimant: string): void {
  if (held === null || held.claimant === claimant) return;
  const { gate } = found.due;
  throw new PromptOsError('GATE_CLAIMED', `${gate} is claimed by ${held.claimant} until ${held.until}.`);
}

/** The claim that holds the gate now. */
const claimIn = (found: HandedOffGate, journal: readonly PlacedJournalEntry[]): HeldClaim | null =>
  heldClaim(journal, found.step, found.keys, isoNow());

/** @throws PromptOsError GATE_CLAIMED */
export const refuseClaimOfOthers = (
  found: HandedOffGate,
  journal: readonly PlacedJournalEntry[],
  claimant: string,
): void => requireOwn(found, claimIn(found, journal), claimant);

async function claimEntry(
  { due, signer }: HandedOffGate,
  said: Pick<GateClaim, 'claimant' | 'action' | 'at' | 'until'>,
): Promise<JournalEntry> {
  const { run, gate, attempt, principal, nonce } = due;
  const claim: GateClaim = { run_id: run.run_id, gate, attempt, principal, nonce, ...said };
  return { kind: 'claim', claim, envelope: await signStatement(gateClaimStatement(claim), signer) };
}

/**
 * Claims the gate, one claimant at a time. A claim of the same claimant that has more than half of its time left stays as it is.
 * @throws PromptOsError GATE_CLAIMED, NOTHING_HANDED_OFF once a result was submitted, and what the store and the signer fail
 *   with
 */
export async function claimGate(found: HandedOffGate, claimant: string): Promise<HeldClaim> {
  const { due, ports, claim_timeout_ms } = found;
  return appendJudged(ports.store, due.run.run_id, async (journal) => {
    const now = Date.now();
    const [at, until] = [new Date(now).toISOString(), new Date(now + claim_timeout_ms).toISOString()];
    if (firstResult(journal, found.step, found.keys) !== null) {
      throw new PromptOsError(
        'NOTHING_HANDED_OFF',
        `The output of ${due.gate}, attempt ${due.attempt}, was submitted.`,
      );
    }
    const held = claimIn(found, journal);
    requireOwn(found, held, claimant);
    if (held !== null && Date.parse(held.until) - now > claim_timeout_ms / 2) return { entries: [], result: held };
    const entry = await claimEntry(found, { claimant, action: 'claim', at, until });
    return { entries: [entry], result: { claimant, at, until } };
  });
}

/**
 * Ends the claim of a claimant.
 * @returns null when there was none
 * @throws PromptOsError GATE_CLAIMED when another claimant has the gate, and what the store and the signer fail with
 */
export async function endClaim(found: HandedOffGate, claimant: string): Promise<HeldClaim | null> {
  const { due, ports } = found;
  return appendJudged(ports.store, due.run.run_id, async (journal) => {
    const held = claimIn(found, journal);
    requireOwn(found, held, claimant);
    if (held === null) return { entries: [], result: null };
    const entry = await claimEntry(found, { claimant, action: 'release', at: isoNow(), until: held.until });
    return { entries: [entry], result: held };
  });
}
