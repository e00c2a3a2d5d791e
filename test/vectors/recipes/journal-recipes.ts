import type { Envelope } from '../../../src/contracts/keys.js';
import type { Decision } from '../../../src/contracts/run/decisions.js';
import type { JournalEntry } from '../../../src/contracts/run/journal.js';
import { decisionStatement, escalationStatement } from '../../../src/domain/attest/acts.js';
import { openingOf } from '../../../src/domain/ledger/closed-ledger.js';
import { TREE_PATHS } from '../../../src/domain/record/published-tree.js';
import { patchRecord, seal } from '../../support/forge-tree.js';
import type { MutableTree } from '../../support/mutable-tree.js';
import { VECTOR_KEYS, type VectorKey } from '../../support/vector-keys.js';
import {
  dropped,
  engineHeads,
  headBy,
  isHead,
  type Journal,
  journalled,
  openedAs,
  placeOf,
  putAt,
} from './journal-edits.js';
import { type Entries, nth } from './ledger-edits.js';
import { type Recipe, recipesOf } from './recipe.js';

const OTHER = 'f'.repeat(64);
const { engine, ada, nina, grace, stranger } = VECTOR_KEYS;

/** A rejection of the first gate that the run's ledger does not have. */
export function rejection(tree: MutableTree, parts: Partial<Decision> = {}, key: VectorKey = grace): JournalEntry {
  const { decision, at } = nth(tree.ledger() as Entries, 'decisionCounted');
  const { comment: _comment, acknowledged: _acknowledged, ...about } = decision as Decision;
  const made = {
    ...about,
    choice: 'reject',
    reason: 'It names no owner.',
    decision_id: 'forgotten',
    // An unsigned decision has no times.
    decided_at: at,
    expires_at: at,
    ...parts,
  } as const;
  return { kind: 'message', message: 'decision', envelope: key.seal(decisionStatement(made)) };
}

function escalation(tree: MutableTree): JournalEntry {
  const { run_id, policy_sha256 } = openingOf(tree.ledger()).run;
  const { decided_at = '', expires_at = '' } = nth(tree.ledger() as Entries, 'decisionCounted').decision;
  const message = {
    run_id,
    actor: 'ada',
    decision_id: 'stop',
    issue: 'The check is wrong.',
    impact: '',
    context: '',
    options: [],
    recommendation: '',
    security_sensitive: false,
    decided_at,
    expires_at,
  };
  return { kind: 'message', message: 'escalation', envelope: ada.seal(escalationStatement(message, policy_sha256)) };
}

/** Another result of the first gate than the ledger has. */
const otherResult =
  (key: VectorKey) =>
  (tree: MutableTree): JournalEntry => {
    const { attestation } = nth(tree.ledger() as Entries, 'gateFinished');
    const statement = JSON.parse(Buffer.from((attestation as Envelope).payload, 'base64').toString('utf8'));
    const envelope = key.seal({ ...statement, predicate: { ...statement.predicate, verdict: 'fail' } });
    return { kind: 'result', envelope };
  };

/** The same journal with an entry more, before the engine signed that the run closes. */
export const beforeClose = (make: (tree: MutableTree) => JournalEntry): Recipe['break'] =>
  journalled((entries, tree) => putAt(entries, placeOf(entries, 'close'), make(tree)));

/** The same journal with an entry more, or with what is none, before the engine signed its end. */
export const beforeEnd = (make: (tree: MutableTree) => JournalEntry | null): Recipe['break'] =>
  journalled((entries, tree) => putAt(entries, placeOf(entries, 'end'), make(tree)));

/** A head that the ledger does not extend. */
export const otherHead = (by: string, key: VectorKey) => (tree: MutableTree) =>
  headBy(key, {
    run_id: openingOf(tree.ledger()).run.run_id,
    by,
    purpose: 'gate',
    gate: 'P00',
    attempt: 1,
    entries: 3,
    hash: OTHER,
  });

const without = (by: string, purpose: 'gate' | 'close' | 'end') =>
  journalled((entries: Journal) => dropped(entries, (entry) => isHead(entry, by, purpose)));

/** The journal is not the one that the engine kept, or the ledger does not account for it. */
export const JOURNAL_RECIPES: readonly Recipe[] = [
  ...recipesOf('straight', [
    ['journal: dropped', (tree) => seal(patchRecord(tree.remove(TREE_PATHS.journal))), 'JOURNAL_DIFFERS'],
    ['journal: the opening dropped', journalled((entries) => entries.slice(1)), 'JOURNAL_DIFFERS'],
    [
      'journal: the opening of another chain of executions before its own',
      (tree, genuine) => {
        const [own] = tree.journal();
        openedAs(() => ({ first_execution_run_id: '01a22078-0000-7000-8000-000000000000' }))(tree, genuine);
        return journalled(([other, ...rest]) => [other, own, ...rest])(tree, genuine);
      },
      'JOURNAL_DIFFERS',
    ],
    [
      'journal: the opening of another chain of executions',
      openedAs(() => ({ first_execution_run_id: '01a22078-0000-7000-8000-000000000000' })),
      'JOURNAL_DIFFERS',
    ],
    ['journal: the opening of another run', openedAs(() => ({ run_id: 'vector-another' })), 'JOURNAL_DIFFERS'],
    ['journal: the opening under another policy', openedAs(() => ({ policy_sha256: OTHER })), 'JOURNAL_DIFFERS'],
    ['journal: the opening of another request', openedAs(() => ({ request_sha256: OTHER })), 'JOURNAL_DIFFERS'],
    [
      'journal: the opening of an unsigned request',
      openedAs(() => ({ request_attestation_sha256: null })),
      'JOURNAL_DIFFERS',
    ],
    ['journal: the opening signed by a role', openedAs(() => ({}), nina), 'JOURNAL_DIFFERS'],
    ['journal: the opening signed by an unknown key', openedAs(() => ({}), stranger), 'JOURNAL_DIFFERS'],
    [
      'journal: the opening not signed',
      journalled(([first, ...rest]) => [{ ...first, envelope: null }, ...rest]),
      'JOURNAL_DIFFERS',
    ],
    [
      'journal: the whole of another run',
      (tree, genuine) => seal(patchRecord(tree.put(TREE_PATHS.journal, genuine('reworked').bytes(TREE_PATHS.journal)))),
      'JOURNAL_DIFFERS',
    ],
    ["journal: none of the engine's heads for gates", without('engine', 'gate'), 'JOURNAL_DIFFERS'],
    [
      "journal: one of the engine's heads for gates missing",
      journalled((entries) =>
        dropped(entries, (entry) => entry.kind === 'head' && entry.head.by === 'engine' && entry.head.gate === 'P06'),
      ),
      'JOURNAL_DIFFERS',
    ],
    ["journal: without the engine's head for closing", without('engine', 'close'), 'JOURNAL_DIFFERS'],
    [
      'journal: the head for closing is one for the end',
      engineHeads('close', () => ({ purpose: 'end' })),
      'JOURNAL_DIFFERS',
    ],
    [
      'journal: closing signed before the last decision was counted',
      engineHeads('close', () => ({ entries: 1 })),
      'JOURNAL_DIFFERS',
    ],
    [
      'journal: closing signed over the beginning of this ledger',
      journalled((entries, tree) => {
        const [first] = tree.ledger();
        const early = { entries: 1, hash: first?.hash ?? '' };
        return (entries as JournalEntry[]).map((entry) =>
          entry.kind === 'head' && isHead(entry, 'engine', 'close')
            ? headBy(engine, { ...entry.head, ...early })
            : entry,
        );
      }),
      'JOURNAL_DIFFERS',
    ],
    ["journal: without the engine's head at its end", without('engine', 'end'), 'JOURNAL_DIFFERS'],
    [
      'journal: an entry behind its end',
      journalled((entries, tree) => [...entries, rejection(tree)]),
      'JOURNAL_DIFFERS',
    ],
    ['journal: an end that a role signed', engineHeads('end', () => ({}), nina), 'JOURNAL_DIFFERS'],
    ['journal: an end over another ledger', engineHeads('end', () => ({ hash: OTHER })), 'JOURNAL_DIFFERS'],
    [
      'journal: the opening of a run that failed to open',
      openedAs(() => ({ failed: { code: 'GATE_ORDER', message: 'no' } })),
      'JOURNAL_DIFFERS',
    ],
    ["journal: a role signs in the engine's name", engineHeads('gate', () => ({}), nina), 'JOURNAL_DIFFERS'],
    [
      "journal: an unknown key signs in the engine's name",
      engineHeads('gate', () => ({}), stranger),
      'JOURNAL_DIFFERS',
    ],
    [
      "journal: an integrator signs the closing in the engine's name",
      engineHeads('close', () => ({}), grace),
      'JOURNAL_DIFFERS',
    ],
    [
      "journal: the engine's heads not signed",
      journalled((entries) =>
        entries.map((entry) =>
          isHead(entry as JournalEntry, 'engine', 'gate') ? { ...entry, envelope: null } : entry,
        ),
      ),
      'JOURNAL_DIFFERS',
    ],
    ['journal: heads over another ledger', engineHeads('gate', () => ({ hash: OTHER })), 'JOURNAL_DIFFERS'],
    ['journal: heads for another attempt', engineHeads('gate', () => ({ attempt: 2 })), 'JOURNAL_DIFFERS'],
    ['journal: heads for another gate', engineHeads('gate', () => ({ gate: 'P00' })), 'JOURNAL_DIFFERS'],
    ['journal: heads of another run', engineHeads('gate', () => ({ run_id: 'vector-another' })), 'JOURNAL_DIFFERS'],
    [
      'journal: heads that were signed once the gate had been started',
      journalled((entries, tree) => {
        const last = tree.ledger().at(-1);
        const late = { entries: (last?.seq ?? 0) + 1, hash: last?.hash ?? '' };
        return (entries as JournalEntry[]).map((entry) =>
          entry.kind === 'head' && isHead(entry, 'engine', 'gate') ? headBy(engine, { ...entry.head, ...late }) : entry,
        );
      }),
      'JOURNAL_DIFFERS',
    ],
    [
      'journal: heads that say another gate than was signed',
      journalled((entries) => {
        for (const entry of entries) if (entry.kind === 'head' && entry.head.gate === 'P05') entry.head.gate = 'P06';
      }),
      'JOURNAL_DIFFERS',
    ],
    ["journal: a role's head that the ledger does not extend", beforeClose(otherHead('nina', nina)), 'JOURNAL_FORK'],
    ['journal: another result than the ledger has', beforeClose(otherResult(nina)), 'JOURNAL_FORK'],
    ['journal: a rejection that the ledger does not have', beforeClose(rejection), 'JOURNAL_FORK'],
    [
      'journal: a rejection by the other integrator that the ledger does not have',
      beforeClose((tree) => rejection(tree, { actor: 'ivan' }, VECTOR_KEYS.ivan)),
      'JOURNAL_FORK',
    ],
    [
      'journal: an approval under another reason for it that the ledger does not have',
      beforeClose((tree) => rejection(tree, { request_id: 'P00.2.1', attempt: 2 })),
      'JOURNAL_FORK',
    ],
    ["journal: a person's escalation that the ledger does not have", beforeClose(escalation), 'JOURNAL_FORK'],
    [
      'journal: a rejection that the ledger does not have, and heads that it does not extend',
      journalled((entries, tree) =>
        putAt(entries, placeOf(entries, 'close'), rejection(tree), otherHead('engine', engine)(tree)),
      ),
      'JOURNAL_FORK',
    ],
  ]),
  ...recipesOf('cancelled', [
    ["journal: without the engine's heads, of a cancelled run", without('engine', 'gate'), 'JOURNAL_DIFFERS'],
    ["journal: without the engine's head at its end, of a cancelled run", without('engine', 'end'), 'JOURNAL_DIFFERS'],
  ]),
  ...recipesOf('unopened', [
    [
      'journal: the opening of a run that opened, of one that did not',
      openedAs(() => ({ failed: null })),
      'JOURNAL_DIFFERS',
    ],
    [
      'journal: another reason for not opening',
      openedAs(() => ({ failed: { code: 'GATE_REQUIRED', message: 'The moon was full.' } })),
      'JOURNAL_DIFFERS',
    ],
    [
      "journal: without the engine's head at its end, of a run that never opened",
      without('engine', 'end'),
      'JOURNAL_DIFFERS',
    ],
  ]),
  ...recipesOf('rotated', [
    [
      "journal: heads signed by the engine's key that was revoked before",
      engineHeads('gate', () => ({}), VECTOR_KEYS['engine-old']),
      'JOURNAL_DIFFERS',
    ],
    [
      "journal: the opening signed by the engine's key that was revoked before",
      openedAs(() => ({}), VECTOR_KEYS['engine-old']),
      'JOURNAL_DIFFERS',
    ],
  ]),
  ...recipesOf('unsigned', [
    ['journal: heads missing in an unsigned run', without('engine', 'gate'), 'JOURNAL_DIFFERS'],
    [
      'journal: a signed rejection that the ledger does not have, where no signature is required',
      beforeClose(rejection),
      'JOURNAL_FORK',
    ],
  ]),
];
