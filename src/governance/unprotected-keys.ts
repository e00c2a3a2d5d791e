import type { LedgerEntry } from '../contracts/ledger.js';
import { keyidOf } from './signed-acts.js';

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
