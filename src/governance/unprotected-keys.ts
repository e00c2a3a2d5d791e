import type { LedgerEntry } from '../contracts/ledger.js';
import { keyidOf } from './signed-acts.js';

/** A key without a passphrase, as the program that signed with it said. */
export interface UnprotectedKey {
  readonly principal: string;
  readonly keyid: string;
  /** Decisions and resolutions of the run that it signed so. */
  readonly acts: number;
}

/** Keys of people that signed decisions and resolutions which say that the private key has no passphrase. */
export function unprotectedKeys(entries: readonly LedgerEntry[]): readonly UnprotectedKey[] {
  const found = new Map<string, UnprotectedKey>();
  for (const entry of entries) {
    if (entry.type !== 'decisionCounted' && entry.type !== 'escalationResolved') continue;
    const { actor: principal, key_protection } = entry.type === 'decisionCounted' ? entry.decision : entry.resolution;
    const keyid = keyidOf(entry.envelope);
    if (keyid === null || key_protection !== 'none') continue;
    found.set(keyid, { principal, keyid, acts: (found.get(keyid)?.acts ?? 0) + 1 });
  }
  return [...found.values()];
}
