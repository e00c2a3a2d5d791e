import { canonicalJson } from '../../src/contracts/json.js';
import type { Envelope } from '../../src/contracts/keys.js';
import type { JournalEntry, JournalledMessage } from '../../src/contracts/run/journal.js';
import { ledgerHeadStatement, runOpeningStatement } from '../../src/domain/attest/acts.js';
import { openingOfEvent } from '../../src/domain/ledger/journal.js';
import type { Moved, MutableTree } from './mutable-tree.js';
import { keyOf } from './reseal.js';
import { VECTOR_KEYS, type VectorKey } from './vector-keys.js';

const isSame = (one: unknown, other: unknown): boolean => canonicalJson(one) === canonicalJson(other);

function change(tree: MutableTree, make: (entries: readonly JournalEntry[]) => readonly JournalEntry[]): void {
  const before = tree.journal() as readonly JournalEntry[];
  const after = make(before);
  if (!isSame(before, after)) tree.putJournal(after);
}

/** People's messages made again; says which became which. */
export function forgeMessages(
  tree: MutableTree,
  remake: (envelope: Envelope, kind: JournalledMessage) => Envelope,
): readonly (readonly [Envelope, Envelope])[] {
  const remade: (readonly [Envelope, Envelope])[] = [];
  change(tree, (entries) =>
    entries.map((entry) => {
      if (entry?.kind !== 'message') return entry;
      const envelope = remake(entry.envelope, entry.message);
      if (!isSame(envelope, entry.envelope)) remade.push([entry.envelope, envelope]);
      return { ...entry, envelope };
    }),
  );
  return remade;
}

/**
 * Heads over a ledger that was chained again, signed with the keys that the attacker has. The holder of the engine's key
 * publishes the journal, so this attacker leaves out the heads that no key signs again.
 */
export function forgeHeads(tree: MutableTree, moved: Moved, keys: readonly VectorKey[]): void {
  const ledger = tree.ledger();
  const publishes = keys.includes(VECTOR_KEYS.engine);
  change(tree, (entries) =>
    entries.flatMap((entry): JournalEntry[] => {
      if (entry?.kind !== 'head' || !moved.has(entry.head.hash)) return [entry];
      const hash = moved.get(entry.head.hash) ?? null;
      const key = entry.envelope === null ? null : keyOf(keys, entry.envelope);
      const seq = ledger.findIndex((one) => one.hash === hash);
      if (seq === -1 || (entry.envelope !== null && key === null)) return publishes ? [] : [entry];
      const head = { ...entry.head, entries: seq + 1, hash: ledger[seq]?.hash ?? '' };
      return [{ kind: 'head', head, envelope: key === null ? null : key.seal(ledgerHeadStatement(head)) }];
    }),
  );
}

/** The entry that gives the run id to this run, made again where the engine's key is at hand. */
export function forgeOpening(tree: MutableTree, keys: readonly VectorKey[]): void {
  const opening = tree.ledger()[0];
  if (opening?.type !== 'runOpened' && opening?.type !== 'openingFailed') return;
  change(tree, ([first, ...rest]) => {
    if (first?.kind !== 'opened') return [...(first === undefined ? [] : [first]), ...rest];
    const key = first.envelope === null ? null : keyOf(keys, first.envelope);
    if (first.envelope !== null && key === null) return [first, ...rest];
    const claim = openingOfEvent(opening);
    return [
      { kind: 'opened', ...claim, envelope: key === null ? null : key.seal(runOpeningStatement(claim)) },
      ...rest,
    ];
  });
}
