import type { Envelope } from '../../contracts/keys.js';
import type { LedgerEntry } from '../../contracts/run/ledger.js';
import { keyidOf } from '../attest/envelope.js';
import { attestationPaths } from '../record/published-tree.js';
import { openingOf } from './closed-ledger.js';

/** A signed envelope of a ledger, and where a published tree has it. */
export interface SignedAct {
  readonly path: string;
  readonly envelope: Envelope;
}

/** Every envelope of a ledger: signed decisions, resolutions, escalations and cancellations, and gates' results. */
export function signedActs(entries: readonly LedgerEntry[]): readonly SignedAct[] {
  return entries.flatMap((entry): SignedAct[] => {
    switch (entry.type) {
      case 'gateFinished': {
        const path = attestationPaths.gateAttempt(entry.gate, entry.attempt);
        return entry.attestation === null ? [] : [{ path, envelope: entry.attestation }];
      }
      case 'decisionCounted':
      case 'escalationOpened':
      case 'escalationResolved':
      case 'cancellationCounted': {
        const path = attestationPaths.decision(entry.seq);
        return entry.envelope === null ? [] : [{ path, envelope: entry.envelope }];
      }
      default:
        return [];
    }
  });
}

/**
 * How what people did that counted was authenticated, from what really happened. Holds are left out: they are marked by
 * their trigger, and change nothing until a signed answer lifts them.
 */
export function authenticationOf(entries: readonly LedgerEntry[]): 'signed' | 'mixed' | 'none' {
  const opening = openingOf(entries);
  const request = opening.type === 'runOpened' && opening.plan.request_signed_by !== null;
  const acts = entries.flatMap((entry) => {
    switch (entry.type) {
      case 'decisionCounted':
      case 'escalationResolved':
      case 'cancellationCounted':
        return [entry.envelope !== null];
      case 'runClosed':
        return entry.through === undefined ? [] : [false];
      case 'escalationOpened':
        return entry.report.trigger === 'person' ? [entry.envelope !== null] : [];
      default:
        return [];
    }
  });
  const signed = [request, ...acts];
  if (signed.every(Boolean)) return 'signed';
  return signed.some(Boolean) ? 'mixed' : 'none';
}

/** A key without a passphrase, as the program that signed with it said. */
export interface UnprotectedKey {
  readonly principal: string;
  readonly keyid: string;
  /** Decisions, resolutions and the cancellation of the run that it signed so. */
  readonly acts: number;
}

/** Keys of people that signed what counted and says that the private key has no passphrase. */
export function unprotectedKeys(entries: readonly LedgerEntry[]): readonly UnprotectedKey[] {
  const found = new Map<string, UnprotectedKey>();
  for (const entry of entries) {
    const act = signedActOf(entry);
    if (act === null) continue;
    const { actor: principal, key_protection } = act.message;
    const keyid = keyidOf(act.envelope);
    if (keyid === null || key_protection !== 'none') continue;
    found.set(keyid, { principal, keyid, acts: (found.get(keyid)?.acts ?? 0) + 1 });
  }
  return [...found.values()];
}

function signedActOf(entry: LedgerEntry) {
  switch (entry.type) {
    case 'decisionCounted':
      return { message: entry.decision, envelope: entry.envelope };
    case 'escalationResolved':
      return { message: entry.resolution, envelope: entry.envelope };
    case 'cancellationCounted':
      return { message: entry.cancellation, envelope: entry.envelope };
    default:
      return null;
  }
}
