import type { LedgerEntry, LedgerEvent } from '../../src/contracts/run/ledger.js';
import { appendEntry, EMPTY_LEDGER } from '../../src/domain/ledger/ledger-chain.js';
import { follow, type Loose, type MutableTree } from './mutable-tree.js';

/**
 * Numbers and chains entries again, so that the hash chain holds after any change.
 * @param prepare makes an entry of one, once all before it have their hashes; `moved` says which they had before
 */
export function rechain(
  entries: readonly LedgerEntry[],
  prepare: (entry: LedgerEntry, before: readonly LedgerEntry[]) => LedgerEntry = (entry) => entry,
  moved: (from: string, to: string) => void = () => undefined,
): LedgerEntry[] {
  const chained: LedgerEntry[] = [];
  let head = EMPTY_LEDGER;
  for (const before of entries) {
    const { seq: _seq, at, prev: _prev, hash: _hash, ...event } = prepare(before, chained);
    const entry = appendEntry(head, at, event as LedgerEvent);
    head = { entries: entry.seq + 1, hash: entry.hash };
    if (before.hash !== undefined && before.hash !== entry.hash) moved(before.hash, entry.hash);
    chained.push(entry);
  }
  return chained;
}

/** Changes a ledger's entries and chains them again. */
export function editLedger(tree: MutableTree, change: (entries: Loose<LedgerEntry>[]) => unknown): MutableTree {
  const before = tree.ledger();
  const entries = tree.ledger() as Loose<LedgerEntry>[];
  const result = change(entries);
  const changed = (Array.isArray(result) ? result : entries) as LedgerEntry[];
  for (const { hash } of before) if (!changed.some((entry) => entry.hash === hash)) tree.moved.set(hash, null);
  return tree.putLedger(rechain(changed, undefined, (from, to) => follow(tree.moved, from, to)));
}
