import { canonicalJson, canonicalSha256 } from '../../contracts/json.js';
import type { LedgerEntry, LedgerEvent, LedgerHead } from '../../contracts/run/ledger.js';

/** The head of a ledger that holds nothing yet. */
export const EMPTY_LEDGER: LedgerHead = { entries: 0, hash: '0'.repeat(64) };

/** What a chain that was checked leads to, or the first entry that does not fit and why. */
export type ChainCheck =
  | { readonly ok: true; readonly head: LedgerHead }
  | { readonly ok: false; readonly seq: number; readonly problem: string };

/**
 * Puts an event in its place behind `head`: `hash` is the SHA-256 of the canonical JSON of the entry without `hash`.
 * @param at workflow time, as `Date.prototype.toISOString` writes it.
 */
export function appendEntry(head: LedgerHead, at: string, event: LedgerEvent): LedgerEntry {
  const entry = { ...event, seq: head.entries, at, prev: head.hash };
  return { ...entry, hash: canonicalSha256(entry) };
}

/** The head that the entries say they have; it believes them, `checkChain` does not. */
export function headOf(entries: readonly LedgerEntry[]): LedgerHead {
  const last = entries.at(-1);
  return last === undefined ? EMPTY_LEDGER : { entries: last.seq + 1, hash: last.hash };
}

/**
 * Whether the entries follow `from` without a gap, an exchange or a change.
 * @param from the head before the first entry: `EMPTY_LEDGER`, or that of the segment before.
 */
export function checkChain(entries: readonly LedgerEntry[], from: LedgerHead): ChainCheck {
  let head = from;
  for (const entry of entries) {
    const { hash, ...unhashed } = entry;
    const broken = (problem: string): ChainCheck => ({ ok: false, seq: head.entries, problem });
    if (entry.seq !== head.entries) return broken(`expected sequence number ${head.entries}, found ${entry.seq}`);
    if (entry.prev !== head.hash)
      return broken(`expected the entry before to have hash ${head.hash}, it names ${entry.prev}`);
    const actual = canonicalSha256(unhashed);
    if (actual !== hash) return broken(`the entry says hash ${hash}, its content has ${actual}`);
    head = { entries: head.entries + 1, hash };
  }
  return { ok: true, head };
}

/** JSON Lines: one canonical JSON a line, each ended by a newline. */
export const ledgerLines = (entries: readonly LedgerEntry[]): string =>
  entries.map((entry) => `${canonicalJson(entry)}\n`).join('');
