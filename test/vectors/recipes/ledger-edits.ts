import type { LedgerEntry, LedgerEventOf } from '../../../src/contracts/run/ledger.js';
import { ledgerLines } from '../../../src/domain/ledger/ledger-chain.js';
import { TREE_PATHS } from '../../../src/domain/record/published-tree.js';
import { ENGINE, forge } from '../../support/forge-tree.js';
import type { Loose } from '../../support/mutable-tree.js';
import { editLedger } from '../../support/rechain.js';
import type { Recipe } from './recipe.js';

type Type = LedgerEntry['type'];
/** A ledger's entries, to be changed. */
export type Entries = Loose<LedgerEntry>[];

/** The `number`-th entry of a type, from 1. */
export function nth<T extends Type>(entries: Entries, type: T, number = 1): Loose<LedgerEventOf<T> & LedgerEntry> {
  const found = entries.filter((entry) => entry.type === type)[number - 1];
  if (found === undefined) throw new Error(`the ledger has no ${type} number ${number}`);
  return found as Loose<LedgerEventOf<T> & LedgerEntry>;
}

/** The entries but for some. */
export const without = (entries: Entries, ...dropped: readonly unknown[]): Entries =>
  entries.filter((entry) => !dropped.includes(entry));

/** The entries with one more before another. */
export const inserted = (entries: Entries, before: unknown, entry: object): Entries =>
  entries.flatMap((one) => (one === before ? [entry as Loose<LedgerEntry>, one] : [one]));

/** The ledger changed and chained again, everything made again from it, and signed with the engine's key. */
export const insider =
  (change: (entries: Entries) => unknown): Recipe['break'] =>
  (tree) =>
    forge(editLedger(tree, change), ENGINE);
/** The same by an attacker without any key. */
export const outsider =
  (change: (entries: Entries) => unknown): Recipe['break'] =>
  (tree) =>
    forge(editLedger(tree, change));
/** Only the file, as it is. */
export const raw =
  (change: (entries: Entries) => Entries): Recipe['break'] =>
  (tree) =>
    tree.edit(TREE_PATHS.ledger, () => ledgerLines(change(tree.ledger() as Entries) as LedgerEntry[]));

/** Leaves out the `number`-th entry of a type. */
export const gone =
  (type: Type, number = 1) =>
  (entries: Entries) =>
    without(entries, nth(entries, type, number));
/** Repeats the `number`-th entry of a type. */
export const twice =
  (type: Type, number = 1) =>
  (entries: Entries) => {
    const entry = nth(entries, type, number);
    return inserted(entries, entry, structuredClone(entry));
  };
