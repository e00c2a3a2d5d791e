import type { Envelope } from '../../../src/contracts/keys.js';
import type { LedgerEntry } from '../../../src/contracts/run/ledger.js';
import { ENGINE, forge } from '../../support/forge-tree.js';
import type { Loose } from '../../support/mutable-tree.js';
import { editLedger } from '../../support/rechain.js';
import { payloadOf } from '../../support/reseal.js';
import { VECTOR_KEYS, type VectorKey } from '../../support/vector-keys.js';
import { nth } from './ledger-edits.js';
import type { Recipe } from './recipe.js';

type Entries = Loose<LedgerEntry>[];

interface AnyStatement {
  _type: string;
  predicateType: string;
  subject: { name: string; digest: { sha256: string } }[];
  predicate: Record<string, unknown>;
}

/** A digest of nothing that is there. */
export const OTHER = 'f'.repeat(64);
/** An instant after all of the recorded runs. */
export const LATER = '2099-01-01T00:00:00.000Z';
/** An instant before all of the recorded runs. */
export const EARLIER = '2026-02-01T00:00:00.000Z';

/** What an envelope states. */
export const statementOf = (envelope: Envelope): AnyStatement => payloadOf(envelope) as unknown as AnyStatement;

/** The statement with something changed, signed by a key. */
export function resigned(envelope: Envelope, change: (statement: AnyStatement) => void, key: VectorKey): Envelope {
  const statement = statementOf(envelope);
  change(statement);
  return key.seal(statement);
}

/** The `number`-th entry of a type, which must be signed. */
export const signedEntry = (
  entries: Entries,
  type: 'decisionCounted' | 'escalationResolved' | 'escalationOpened',
  number: number,
) => {
  const entry = nth(entries, type, number) as unknown as { envelope: Envelope | null } & Record<string, unknown>;
  if (entry.envelope === null) throw new Error(`${type} number ${number} is not signed`);
  return entry as { envelope: Envelope } & Record<string, unknown>;
};

/** Exchanges the envelope of an entry; everything else is made again, and the engine signs it. */
export const envelope =
  (
    type: 'decisionCounted' | 'escalationResolved' | 'escalationOpened',
    number: number,
    make: (old: Envelope, entries: Entries) => Envelope | null,
  ): Recipe['break'] =>
  (tree) =>
    forge(
      editLedger(tree, (entries) => {
        const entry = signedEntry(entries, type, number);
        Object.assign(entry, { envelope: make(entry.envelope, entries) });
      }),
      ENGINE,
    );

/** A field of what was signed says something else, and its owner signed that. */
export const field = (
  type: 'decisionCounted' | 'escalationResolved' | 'escalationOpened',
  number: number,
  name: string,
  value: unknown,
  key = VECTOR_KEYS.grace,
) =>
  envelope(type, number, (old) =>
    resigned(
      old,
      ({ predicate }) => {
        predicate[name] = value;
      },
      key,
    ),
  );
