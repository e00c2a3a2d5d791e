import type { LedgerEntry, LedgerEventOf } from '../../../src/contracts/ledger.js';
import { ledgerLines } from '../../../src/governance/ledger-chain.js';
import { TREE_PATHS } from '../../../src/governance/published-tree.js';
import { bundle, ENGINE, editLedger, forge, patchRecord, rechain, seal, sealWith } from '../../support/forge-tree.js';
import type { Loose, MutableTree } from '../../support/mutable-tree.js';
import { VECTOR_KEYS } from '../../support/vector-keys.js';
import { type Recipe, recipesOf } from './recipe.js';

type Type = LedgerEntry['type'];
type Entries = Loose<LedgerEntry>[];

/** The `number`-th entry of a type, from 1. */
export function nth<T extends Type>(entries: Entries, type: T, number = 1): Loose<LedgerEventOf<T> & LedgerEntry> {
  const found = entries.filter((entry) => entry.type === type)[number - 1];
  if (found === undefined) throw new Error(`the ledger has no ${type} number ${number}`);
  return found as Loose<LedgerEventOf<T> & LedgerEntry>;
}

const without = (entries: Entries, ...dropped: readonly unknown[]): Entries =>
  entries.filter((entry) => !dropped.includes(entry));

const inserted = (entries: Entries, before: unknown, entry: object): Entries =>
  entries.flatMap((one) => (one === before ? [entry as Loose<LedgerEntry>, one] : [one]));

/** The ledger changed and chained anew, everything made again from it, and signed by whoever has the engine's key. */
const insider =
  (change: (entries: Entries) => unknown): Recipe['break'] =>
  (tree) =>
    forge(editLedger(tree, change), ENGINE);
/** The same by somebody without any key. */
const outsider =
  (change: (entries: Entries) => unknown): Recipe['break'] =>
  (tree) =>
    forge(editLedger(tree, change));
/** Only the file, as it is. */
const raw =
  (change: (entries: Entries) => Entries): Recipe['break'] =>
  (tree) =>
    tree.edit(TREE_PATHS.ledger, () => ledgerLines(change(tree.ledger() as Entries) as LedgerEntry[]));

const gone =
  (type: Type, number = 1) =>
  (entries: Entries) =>
    without(entries, nth(entries, type, number));
const twice =
  (type: Type, number = 1) =>
  (entries: Entries) => {
    const entry = nth(entries, type, number);
    return inserted(entries, entry, structuredClone(entry));
  };

/** The tail dropped so that the ledger still ends with a closing: what the seal is for. */
const closedEarly = (outcome: 'aborted' | 'cancelled') => (entries: Entries) => {
  const until = entries.indexOf(nth(entries, 'gateStarted', 2));
  const closing = nth(entries, 'runClosed');
  const { at } = entries[until - 1] as LedgerEntry;
  return [...entries.slice(0, until), { ...closing, at, outcome, reason: 'cancelled' }];
};

/** Files of attempts that a shortened ledger no longer tells of are left out too. */
function shortened(tree: MutableTree, change: (entries: Entries) => Entries): MutableTree {
  editLedger(tree, change);
  for (const path of tree.paths()) {
    if (path.startsWith('evidence/attempts/') && !path.startsWith('evidence/attempts/P00/')) tree.remove(path);
  }
  const outputs = [
    'job.json',
    'plan.md',
    'review.md',
    'patch/',
    'evidence/plan.json',
    'evidence/review.json',
    'evidence/checks/',
    'evidence/test_results.json',
    'evidence/verification.json',
  ];
  for (const path of tree.paths()) if (outputs.some((output) => path.startsWith(output))) tree.remove(path);
  for (const path of tree.paths()) if (/\/P0[1-7]\.\d+\./.test(path)) tree.remove(path);
  return tree;
}

/** The ledger is another one. */
export const LEDGER_RECIPES: readonly Recipe[] = [
  ...recipesOf('reworked', [
    ['ledger: an entry dropped', raw(gone('refused')), 'LEDGER_BROKEN'],
    [
      'ledger: two entries exchanged',
      raw((entries) => [...entries.slice(0, 3), entries[4], entries[3], ...entries.slice(5)] as Entries),
      'LEDGER_BROKEN',
    ],
    ['ledger: an entry twice', raw(twice('refused')), 'LEDGER_BROKEN'],
    ['ledger: an entry appended', raw((entries) => [...entries, nth(entries, 'refused')]), 'LEDGER_BROKEN'],
    [
      'ledger: a field of an entry flipped',
      raw((entries) => {
        nth(entries, 'gateFinished', 4).verdict = 'pass';
        nth(entries, 'refused').claimed_actor = 'ivan';
        return entries;
      }),
      'LEDGER_BROKEN',
    ],
    [
      'ledger: the last hash flipped',
      raw((entries) => {
        nth(entries, 'runClosed').hash = 'f'.repeat(64);
        return entries;
      }),
      'LEDGER_BROKEN',
    ],
    [
      'ledger: numbered from 1',
      raw((entries) => entries.map((entry) => ({ ...entry, seq: entry.seq + 1 }))),
      'LEDGER_BROKEN',
    ],
    ['ledger: the tail truncated', raw((entries) => entries.slice(0, -4)), 'LEDGER_ENDS'],
    [
      'ledger: the tail truncated, hashes and record made again without keys',
      (tree) => patchRecord(editLedger(tree, (entries) => entries.slice(0, -4))),
      'LEDGER_ENDS',
    ],
    [
      'ledger: the first entry dropped, chained anew',
      (tree) => patchRecord(editLedger(tree, (entries) => entries.slice(1))),
      'LEDGER_ENDS',
    ],
    ['ledger: the run opened twice', insider(twice('runOpened')), 'FOLD_DIFFERS'],
    [
      'ledger: an entry behind the closing',
      insider((entries) => [...entries.slice(0, -1), nth(entries, 'runClosed'), { ...nth(entries, 'runClosed') }]),
      'FOLD_DIFFERS',
    ],
    [
      'ledger: chained anew, the record left as it was',
      (tree) => editLedger(tree, gone('refused')),
      'LEDGER_HEAD_DIFFERS',
    ],
    [
      'ledger: an entry of an unknown type',
      (tree) =>
        seal(
          patchRecord(
            editLedger(tree, (entries) => {
              const refused = nth(entries, 'refused');
              return inserted(entries, refused, { type: 'praised', at: refused.at });
            }),
          ),
        ),
      'LEDGER_SHAPE',
    ],
    [
      'ledger: a field more in an entry',
      insider((entries) => {
        Object.assign(nth(entries, 'gatePassed'), { waived: true });
      }),
      'LEDGER_SHAPE',
    ],
    [
      'ledger: a field less in an entry',
      insider((entries) => {
        Reflect.deleteProperty(nth(entries, 'gatePassed'), 'approved_by');
      }),
      'LEDGER_SHAPE',
    ],
    [
      'ledger: a time that is none',
      insider((entries) => {
        nth(entries, 'gatePassed').at = '2026-13-01T00:00:00.000Z';
      }),
      'LEDGER_TIME',
    ],
    [
      'ledger: back in time',
      insider((entries) => {
        nth(entries, 'gateStarted', 3).at = '2026-02-01T00:00:00.000Z';
      }),
      'LEDGER_TIME',
    ],
    ['ledger: a refusal dropped without keys', outsider(gone('refused')), 'SEAL_INVALID'],
    [
      'ledger: all refusals dropped without keys',
      outsider((entries) => entries.filter(({ type }) => type !== 'refused')),
      'SEAL_INVALID',
    ],
    ['ledger: a refusal added without keys', outsider(twice('refused')), 'SEAL_INVALID'],
    [
      'ledger: a refusal says another actor, without keys',
      outsider((entries) => {
        nth(entries, 'refused').claimed_actor = 'ivan';
      }),
      'SEAL_INVALID',
    ],
    [
      'ledger: a refusal in other words',
      insider((entries) => {
        nth(entries, 'refused').message = 'It was late.';
      }),
      'FOLD_DIFFERS',
    ],
    [
      'ledger: a refusal before the run opened',
      insider((entries) => [nth(entries, 'refused'), ...without(entries, nth(entries, 'refused'))]),
      'LEDGER_ENDS',
    ],
    [
      'ledger: refusals counted that nobody made',
      insider((entries) => {
        nth(entries, 'runClosed').refusals_counted = { MALFORMED: 7 };
      }),
      'FOLD_DIFFERS',
    ],
    ['ledger: a gate started twice', insider(twice('gateStarted', 3)), 'FOLD_DIFFERS'],
    [
      'ledger: a gate started by another principal',
      insider((entries) => {
        nth(entries, 'gateStarted', 5).principal = 'nina';
      }),
      'FOLD_DIFFERS',
    ],
    [
      'ledger: a gate started out of order',
      insider((entries) => {
        nth(entries, 'gateStarted', 3).gate = 'P05';
      }),
      'FOLD_DIFFERS',
    ],
    ['ledger: a gate finished and never started', insider(gone('gateStarted', 3)), 'FOLD_DIFFERS'],
    ['ledger: a decision dropped', insider(gone('decisionCounted', 1)), 'FOLD_DIFFERS'],
    [
      'ledger: a rejection dropped',
      insider((entries) =>
        without(
          entries,
          entries.find((entry) => entry.type === 'decisionCounted' && entry.decision.choice === 'reject'),
        ),
      ),
      'FOLD_DIFFERS',
    ],
    ['ledger: a gate passed with one approval of two', insider(gone('decisionCounted', 3)), 'FOLD_DIFFERS'],
    ['ledger: the send-back dropped', insider(gone('gateSentBack')), 'FOLD_DIFFERS'],
    [
      'ledger: the send-back voids less',
      insider((entries) => {
        nth(entries, 'gateSentBack').voided.pop();
      }),
      'FOLD_DIFFERS',
    ],
    [
      'ledger: the send-back goes elsewhere',
      insider((entries) => {
        nth(entries, 'gateSentBack').to_gate = 'P06';
      }),
      'FOLD_DIFFERS',
    ],
    [
      'ledger: the send-back says something else',
      insider((entries) => {
        for (const one of nth(entries, 'gateSentBack').feedback) one.text = 'Well done.';
      }),
      'FOLD_DIFFERS',
    ],
    [
      'ledger: a request under another name',
      insider((entries) => {
        nth(entries, 'decisionRequested').request_id = 'P00.1.2';
      }),
      'FOLD_DIFFERS',
    ],
    [
      'ledger: a gate passed by others',
      insider((entries) => {
        nth(entries, 'gatePassed', 2).approved_by = ['grace'];
      }),
      'FOLD_DIFFERS',
    ],
    [
      'ledger: a gate passed and never decided',
      insider((entries) =>
        inserted(entries, nth(entries, 'decisionCounted'), {
          ...nth(entries, 'gatePassed'),
          at: nth(entries, 'decisionRequested').at,
        }),
      ),
      'FOLD_DIFFERS',
    ],
    [
      'ledger: a reminder that was not due',
      insider((entries) =>
        inserted(entries, nth(entries, 'decisionCounted'), {
          type: 'reminded',
          at: nth(entries, 'decisionRequested').at,
          request_id: 'P00.1.1',
        }),
      ),
      'FOLD_DIFFERS',
    ],
    [
      'ledger: approved for another reason',
      insider((entries) => {
        nth(entries, 'runClosed').reason = 'Grace says so.';
      }),
      'FOLD_DIFFERS',
    ],
  ]),
  ...recipesOf('straight', [
    [
      'ledger: the tail dropped and closed as cancelled, without keys',
      (tree) => forge(shortened(tree, closedEarly('cancelled'))),
      'SEAL_INVALID',
    ],
    [
      'ledger: the tail dropped and closed as cancelled, sealed by a role key',
      (tree) => bundle(sealWith(forge(shortened(tree, closedEarly('cancelled'))), VECTOR_KEYS.nina)),
      'SEAL_INVALID',
    ],
    ['ledger: the tail dropped and aborted by nobody', insiderShortened('aborted'), 'FOLD_DIFFERS'],
    [
      'ledger: the whole of another run',
      (tree, genuine) => forge(tree.put(TREE_PATHS.ledger, ledgerLines(rechain(genuine('reworked').ledger()))), ENGINE),
      'REQUEST_SIGNATURE_INVALID',
    ],
  ]),
  ...recipesOf('rejected', [
    [
      'ledger: rejected is approved',
      insider((entries) => {
        nth(entries, 'runClosed').outcome = 'approved';
      }),
      'FOLD_DIFFERS',
    ],
    [
      'ledger: rejected for another reason',
      insider((entries) => {
        nth(entries, 'runClosed').reason = 'Too late.';
      }),
      'FOLD_DIFFERS',
    ],
  ]),
  ...recipesOf('cancelled', [
    [
      'ledger: cancelled is expired',
      insider((entries) => {
        nth(entries, 'runClosed').outcome = 'expired';
      }),
      'FOLD_DIFFERS',
    ],
    [
      'ledger: cancelled is approved',
      insider((entries) => {
        nth(entries, 'runClosed').outcome = 'approved';
      }),
      'FOLD_DIFFERS',
    ],
    [
      'ledger: a closing at another time, without keys',
      outsider((entries) => {
        nth(entries, 'runClosed').at = '2027-02-01T00:00:00.000Z';
      }),
      'SEAL_INVALID',
    ],
  ]),
  ...recipesOf('unopened', [
    [
      'ledger: a run that never opened is approved',
      insider((entries) => {
        nth(entries, 'runClosed').outcome = 'approved';
      }),
      'FOLD_DIFFERS',
    ],
    [
      'ledger: another reason for not opening, without keys',
      outsider((entries) => {
        nth(entries, 'openingFailed').message = 'The moon was full.';
      }),
      'SEAL_INVALID',
    ],
    [
      'ledger: a run that never opened, under another id',
      insider((entries) => {
        nth(entries, 'openingFailed').run.run_id = 'vector-another';
      }),
      'PLAN_DIFFERS',
    ],
  ]),
  ...recipesOf('escalated', [
    ['ledger: an escalation dropped', insider(gone('escalationOpened')), 'FOLD_DIFFERS'],
    ['ledger: a resolution dropped', insider(gone('escalationResolved')), 'FOLD_DIFFERS'],
    [
      "ledger: a person's escalation and its resolution dropped",
      insider((entries) =>
        without(entries, nth(entries, 'escalationOpened', 2), nth(entries, 'escalationResolved', 2)),
      ),
      'FOLD_DIFFERS',
    ],
    [
      'ledger: an escalation for another reason',
      insider((entries) => {
        nth(entries, 'escalationOpened').report.issue = 'None.';
      }),
      'FOLD_DIFFERS',
    ],
    [
      'ledger: an escalation that was not security sensitive is',
      insider((entries) => {
        nth(entries, 'escalationOpened', 2).report.security_sensitive = true;
      }),
      'FOLD_DIFFERS',
    ],
    [
      'ledger: more was waived',
      insider((entries) => {
        nth(entries, 'escalationResolved', 2).waived.push('scope-1');
      }),
      'FOLD_DIFFERS',
    ],
    [
      'ledger: nothing was waived',
      insider((entries) => {
        nth(entries, 'escalationResolved', 2).waived = [];
      }),
      'FOLD_DIFFERS',
    ],
  ]),
];

function insiderShortened(outcome: 'aborted'): Recipe['break'] {
  return (tree) => forge(shortened(tree, closedEarly(outcome)), ENGINE);
}
