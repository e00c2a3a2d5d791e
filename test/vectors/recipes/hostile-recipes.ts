import { PromptOsError } from '../../../src/contracts/errors.js';
import { attestationPaths, TREE_PATHS } from '../../../src/domain/record/published-tree.js';
import type { TreeEntry, TreeReader } from '../../../src/ports/tree-reader.js';
import { ALL_KEYS, ENGINE, forge, patchRecord, seal } from '../../support/forge-tree.js';
import { type MutableTree, sha256Of } from '../../support/mutable-tree.js';
import { editLedger } from '../../support/rechain.js';
import { nth } from './ledger-edits.js';
import { opened } from './opening-recipes.js';
import { repacked, underOtherPolicy } from './policy-recipes.js';
import { type Recipe, recipesOf } from './recipe.js';

const MIB = 1_048_576;
const { record: RECORD, ledger: LEDGER, session: SESSION, request: REQUEST } = TREE_PATHS;
const ENVELOPE = attestationPaths.runRequest;

/** Arrays inside each other. */
const nested = (depth: number): string => `${'['.repeat(depth)}${']'.repeat(depth)}`;
const DEEP = nested(1_000_000);
const listed = (tree: MutableTree): MutableTree => seal(patchRecord(tree));

/** The entries of a listing, changed. */
const relisted =
  (change: (entries: readonly TreeEntry[]) => readonly TreeEntry[]): NonNullable<Recipe['through']> =>
  (reader) => ({ ...reader, list: async (limits) => change(await reader.list(limits)) });

const sized = (path: string, bytes: number) =>
  relisted((entries) => entries.map((entry) => (entry.path === path ? { ...entry, bytes } : entry)));

const unreadable = (path: string): never => {
  throw new PromptOsError('FILE_NOT_READABLE', `Could not read ${path}: EIO: i/o error.`);
};

/** A tree of which nothing was changed, read through a medium that does something. */
const medium = (
  name: string,
  code: Recipe['code'],
  through: (reader: TreeReader) => TreeReader,
  tree: Recipe['tree'] = 'straight',
): Recipe => ({ name, tree, code, through, break: (given) => given });

const MEDIUM_RECIPES: readonly Recipe[] = [
  medium('the record cannot be read', 'FILE_NOT_READABLE', (reader) => ({
    ...reader,
    read: async (path, most) => (path === RECORD ? unreadable(path) : reader.read(path, most)),
  })),
  medium('the folder cannot be listed', 'FILE_NOT_READABLE', (reader) => ({
    ...reader,
    list: async () => unreadable('.'),
  })),
  medium('the bundle is cut off', 'BUNDLE_MALFORMED', (reader) => ({
    ...reader,
    list: async () => {
      throw new PromptOsError('BUNDLE_MALFORMED', 'At byte 512: expected a bundle, found the end of the file.');
    },
  })),
  medium('a log cannot be hashed', 'FILE_NOT_READABLE', (reader) => ({
    ...reader,
    digest: async (path, most) => (path.endsWith('.stdout.txt') ? unreadable(path) : reader.digest(path, most)),
  })),
  medium('the ledger breaks off with an error', 'FILE_NOT_READABLE', (reader) => ({
    ...reader,
    openStream: async function* (path) {
      yield* reader.openStream(path);
      if (path === LEDGER) unreadable(path);
    },
  })),
  medium('the record grew since it was listed', 'FILE_CHANGED', sized(RECORD, 1_000)),
  medium('the record shrank since it was listed', 'FILE_CHANGED', sized(RECORD, 1_000_000)),
  medium('the ledger grew since it was listed', 'FILE_CHANGED', sized(LEDGER, 5_000)),
  medium('the ledger shrank since it was listed', 'FILE_CHANGED', sized(LEDGER, 10 * MIB)),
  medium('the ledger grows while it is read', 'FILE_CHANGED', (reader) => ({
    ...reader,
    openStream: async function* (path) {
      yield* reader.openStream(path);
      while (path === LEDGER) yield Buffer.from('\n');
    },
  })),
  medium('a log grows while it is hashed', 'DIGEST_MISMATCH', (reader) => ({
    ...reader,
    digest: async (path, most) => ({ ...(await reader.digest(path, most)), bytes: most + 1 }),
  })),
  medium('a listed file has 15 GB, and is not hashed', 'DIGEST_MISMATCH', (reader) => ({
    ...sized('plan.md', 15_000_000_000)(reader),
    digest: async (path, most) => {
      if (path === 'plan.md') throw new Error('a file of another size was hashed');
      return reader.digest(path, most);
    },
  })),
  medium(
    'a file of 20 GB that the record does not list',
    'TREE_TOO_LARGE',
    relisted((entries) => [...entries, { path: 'zeros', kind: 'file', bytes: 20_000_000_000 }]),
  ),
  medium(
    'a file of 2 GB that the record does not list',
    'FILE_UNEXPECTED',
    relisted((entries) => [...entries, { path: 'zeros', kind: 'file', bytes: 2_000_000_000 }]),
  ),
  medium(
    'a million files',
    'TREE_TOO_LARGE',
    relisted((entries) => [
      ...entries,
      ...Array.from({ length: 1_000_000 }, (_, index): TreeEntry => ({ path: `${index}`, kind: 'file', bytes: 0 })),
    ]),
  ),
  medium('a check ends with an unforeseen error', 'CHECK_FAILED_UNEXPECTEDLY', (reader) => ({
    ...reader,
    read: async () => {
      throw new RangeError('Maximum call stack size exceeded');
    },
  })),
];

/** Trees that are made to exhaust their reader. */
export const HOSTILE_RECIPES: readonly Recipe[] = [
  ...MEDIUM_RECIPES,
  ...recipesOf('straight', [
    ['record: a million arrays inside each other', (tree) => tree.put(RECORD, DEEP), 'JSON_TOO_LARGE'],
    ['record: 65 arrays inside each other', (tree) => tree.put(RECORD, nested(65)), 'JSON_TOO_LARGE'],
    ['record: 64 arrays inside each other', (tree) => tree.put(RECORD, nested(64)), 'JSON_NOT_STRICT'],
    [
      'record: a million objects inside each other',
      (tree) => tree.put(RECORD, '{"a":'.repeat(1_000_000)),
      'JSON_TOO_LARGE',
    ],
    ['record: a million zeros', (tree) => tree.put(RECORD, `[${'0,'.repeat(1_000_000)}0]`), 'JSON_TOO_LARGE'],
    ['record: a million empty objects', (tree) => tree.put(RECORD, `[${'{},'.repeat(1_000_000)}{}]`), 'JSON_TOO_LARGE'],
    [
      'record: brackets in a string that does not end',
      (tree) => tree.put(RECORD, `["\\"${'['.repeat(1_000_000)}`),
      'JSON_MALFORMED',
    ],
    [
      'record: brackets in a string, which are no nesting',
      (tree) =>
        seal(
          tree.editRecord((record) => {
            record.outcome_reason = nested(100_000);
          }),
        ),
      'RECORD_DIFFERS',
    ],
    [
      'record: a field with a name of 4 MiB',
      (tree) =>
        tree.editJson<Record<string, unknown>>(RECORD, (record) => {
          record['a'.repeat(4 * MIB)] = 1;
        }),
      'SHAPE_INVALID',
    ],
    ['record: 17 MiB of spaces', (tree) => tree.put(RECORD, Buffer.alloc(17 * MIB, ' ')), 'FILE_TOO_LARGE'],
    ['ledger: 15 MiB of newlines', (tree) => tree.put(LEDGER, Buffer.alloc(15 * MIB, '\n')), 'LEDGER_FORM'],
    ['ledger: 17 MiB of newlines', (tree) => tree.put(LEDGER, Buffer.alloc(17 * MIB, '\n')), 'FILE_TOO_LARGE'],
    ['ledger: one line of 15 MiB', (tree) => tree.put(LEDGER, Buffer.alloc(15 * MIB, '[')), 'LEDGER_FORM'],
    [
      'ledger: a last line of 2 MiB, without its end',
      (tree) => tree.edit(LEDGER, (text) => `${text}${'x'.repeat(2 * MIB)}`),
      'LEDGER_FORM',
    ],
    ['ledger: a deep line', (tree) => tree.edit(LEDGER, (text) => `${text}${nested(500_000)}\n`), 'JSON_TOO_LARGE'],
    [
      'ledger: 20,001 entries',
      (tree) => tree.edit(LEDGER, (text) => `${text}${`${text.trimEnd().split('\n').at(-1)}\n`.repeat(20_001)}`),
      'FILE_TOO_LARGE',
    ],
    [
      'ledger: an envelope with half a megabyte of base64',
      (tree) =>
        forge(
          editLedger(tree, (entries) => {
            const finished = nth(entries, 'gateFinished');
            if (finished.attestation !== null) finished.attestation.payload = 'AAAA'.repeat(125_000);
          }),
          ENGINE,
        ),
      'LEDGER_SHAPE',
    ],
    [
      'envelope: ten megabytes of base64, listed so by the engine',
      (tree) =>
        listed(
          tree.editJson<{ payload: string }>(ENVELOPE, (envelope) => {
            envelope.payload = 'AAAA'.repeat(2_500_000);
          }),
        ),
      'SHAPE_INVALID',
    ],
    ['envelope: deep JSON, listed so by the engine', (tree) => seal(patchEnvelope(tree)), 'JSON_TOO_LARGE'],
    [
      'request: deep JSON, its digest in the ledger too',
      (tree) => {
        tree.put(REQUEST, DEEP);
        return opened((opening) => {
          opening.run.request_sha256 = sha256Of(DEEP);
        })(tree.put(REQUEST, DEEP), () => tree);
      },
      'JSON_TOO_LARGE',
    ],
    ['pack: deep JSON, its digest in the ledger too', repacked(DEEP), 'JSON_TOO_LARGE'],
    ['session: deep JSON, listed so by the engine', (tree) => listed(tree.put(SESSION, DEEP)), 'JSON_TOO_LARGE'],
    [
      'output: deep JSON, signed by all',
      (tree) => forge(tree.put('evidence/context.json', DEEP), ALL_KEYS),
      'JSON_TOO_LARGE',
    ],
    [
      'output: a million zeros, signed by all',
      (tree) => forge(tree.put('evidence/context.json', `[${'0,'.repeat(1_000_000)}0]`), ALL_KEYS),
      'JSON_TOO_LARGE',
    ],
    ['bundle: 65 MiB', (tree) => tree.put(attestationPaths.bundle, Buffer.alloc(65 * MIB, '\n')), 'FILE_TOO_LARGE'],
    ['folders: forty inside each other', (tree) => tree.put(`${'a/'.repeat(40)}b`, ''), 'TREE_TOO_LARGE'],
  ]),
  {
    name: 'link: a folder that leads to itself',
    tree: 'cancelled',
    onDisk: true,
    code: 'LINK_IN_TREE',
    break: (tree) => tree.put('evidence/loop', { link: '.' }),
  },
  {
    name: 'special file: a pipe in the place of the ledger',
    tree: 'cancelled',
    onDisk: true,
    code: 'SPECIAL_FILE',
    break: (tree) => tree.put(LEDGER, 'special'),
  },
  ...(
    [
      ['aliases that multiply', bomb(), 'POLICY_INVALID'],
      ['ten thousand arrays inside each other', `name: ${nested(10_000)}\n`, 'POLICY_INVALID'],
      ['2 MiB', `${'# nothing\n'.repeat(210_000)}`, 'FILE_TOO_LARGE'],
    ] as const
  ).map(
    ([what, text, code]): Recipe => ({
      name: `policy: none is trusted, and the one of the tree has ${what}`,
      tree: 'cancelled',
      policies: [],
      code,
      break: underOtherPolicy(text),
    }),
  ),
];

/** Each line names the line before ten times. */
function bomb(): string {
  const lines = Array.from({ length: 12 }, (_, index) => {
    const aliases = Array.from({ length: 10 }, () => `*a${index}`).join(', ');
    return `b${index}: &a${index + 1} [${aliases}]`;
  });
  return `a: &a0 [lol]\n${lines.join('\n')}\n`;
}

/** The request's envelope exchanged for deep JSON, which the record lists. */
function patchEnvelope(tree: MutableTree): MutableTree {
  tree.put(ENVELOPE, nested(1_000));
  return tree.editRecord((record) => {
    const ref = record.artifacts.find(({ path }) => path === ENVELOPE);
    Object.assign(ref ?? {}, { sha256: sha256Of(tree.bytes(ENVELOPE)), bytes: tree.bytes(ENVELOPE).byteLength });
  });
}
