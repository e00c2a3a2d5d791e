import type { JournalEntry, RunOpening, VerifiedHead } from '../../../src/contracts/run/journal.js';
import { ledgerHeadStatement, runOpeningStatement } from '../../../src/domain/attest/acts.js';
import { TREE_PATHS } from '../../../src/domain/record/published-tree.js';
import { ENGINE, patchRecord, seal } from '../../support/forge-tree.js';
import type { Loose, MutableTree } from '../../support/mutable-tree.js';
import { VECTOR_KEYS, type VectorKey } from '../../support/vector-keys.js';
import type { Recipe } from './recipe.js';

export type Journal = Loose<JournalEntry>[];

/** Changes the journal, and publishes it with these keys. */
export const journalled =
  (change: (entries: Journal, tree: MutableTree) => unknown, keys = ENGINE): Recipe['break'] =>
  (tree) => {
    const entries = tree.journal();
    const changed = change(entries, tree);
    return seal(patchRecord(tree.putJournal(Array.isArray(changed) ? (changed as Journal) : entries)), keys);
  };

/** The journal's file written another way, and listed so by the engine. */
export const journalText =
  (change: (text: string) => string): Recipe['break'] =>
  (tree) =>
    seal(patchRecord(tree.edit(TREE_PATHS.journal, change)));

/** The entries but for those of which something holds; it must hold of one. */
export function dropped(entries: Journal, when: (entry: JournalEntry) => boolean): Journal {
  const left = entries.filter((entry) => !when(entry as JournalEntry));
  if (left.length === entries.length) throw new Error('the journal has no such entry');
  return left;
}

export const isHead = (entry: JournalEntry, by: string, purpose: VerifiedHead['purpose']): boolean =>
  entry.kind === 'head' && entry.head.by === by && entry.head.purpose === purpose;

/** A head signed by any key. */
export const headBy = (key: VectorKey, head: VerifiedHead): JournalEntry => ({
  kind: 'head',
  head,
  envelope: key.seal(ledgerHeadStatement(head)),
});

const openedBy = (key: VectorKey, opening: RunOpening): JournalEntry => ({
  kind: 'opened',
  ...opening,
  envelope: key.seal(runOpeningStatement(opening)),
});

/** Changes heads of the engine for a purpose, each signed by a key. */
export const engineHeads = (
  purpose: VerifiedHead['purpose'],
  change: (head: VerifiedHead) => Partial<VerifiedHead>,
  key: VectorKey = VECTOR_KEYS.engine,
): Recipe['break'] =>
  journalled((entries) => {
    const own = entries as JournalEntry[];
    return own.map((entry) =>
      entry.kind === 'head' && isHead(entry, 'engine', purpose)
        ? headBy(key, { ...entry.head, ...change(entry.head) })
        : entry,
    );
  });

/** The first entry says something else of the run's start, signed by a key. */
export const openedAs = (
  change: (opening: RunOpening) => Partial<RunOpening>,
  key: VectorKey = VECTOR_KEYS.engine,
): Recipe['break'] =>
  journalled((entries) => {
    const [first, ...rest] = entries as JournalEntry[];
    if (first?.kind !== 'opened') throw new Error('the journal has no opening');
    const { kind: _kind, envelope: _envelope, ...opening } = first;
    return [openedBy(key, { ...opening, ...change(opening) }), ...rest];
  });

/** The place of the engine's last head for a purpose. */
export function placeOf(entries: Journal, purpose: VerifiedHead['purpose']): number {
  const place = entries.findLastIndex((entry) => isHead(entry as JournalEntry, 'engine', purpose));
  if (place === -1) throw new Error(`the engine signed no head to ${purpose}`);
  return place;
}

/** Puts entries before a place. */
export const putAt = (entries: Journal, place: number, ...more: readonly (JournalEntry | null)[]): JournalEntry[] => [
  ...(entries.slice(0, place) as JournalEntry[]),
  ...(more as readonly JournalEntry[]),
  ...(entries.slice(place) as JournalEntry[]),
];
