import type { LedgerEntry } from '../../../src/contracts/run/ledger.js';
import { ledgerLines } from '../../../src/domain/ledger/ledger-chain.js';
import { TREE_PATHS } from '../../../src/domain/record/published-tree.js';
import { ALL_BUT_ENGINE, bundle, ENGINE, forge, patchRecord, seal, sealWith } from '../../support/forge-tree.js';
import type { MutableTree } from '../../support/mutable-tree.js';
import { editLedger, rechain } from '../../support/rechain.js';
import { VECTOR_KEYS } from '../../support/vector-keys.js';
import { type Entries, gone, inserted, insider, nth, outsider, raw, twice, without } from './ledger-edits.js';
import { type Recipe, recipesOf } from './recipe.js';

/** The tail dropped so that the ledger still ends with a closing: what the seal is for. */
const closedEarly = (outcome: 'aborted' | 'cancelled') => (entries: Entries) => {
  const until = entries.indexOf(nth(entries, 'gateStarted', 2));
  const closing = nth(entries, 'runClosed');
  const { at } = entries[until - 1] as LedgerEntry;
  const end =
    outcome === 'cancelled'
      ? ({ outcome, reason: 'cancelled through Temporal', through: 'temporal' } as const)
      : { outcome, reason: 'cancelled' };
  return [...entries.slice(0, until), { ...closing, at, ...end }];
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
    'evidence/patch_judgement.json',
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

/** The ledger is not the one that the engine wrote and sealed. */
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
      'ledger: the first entry dropped, chained again',
      (tree) => patchRecord(editLedger(tree, (entries) => entries.slice(1))),
      'LEDGER_ENDS',
    ],
    [
      'ledger: chained again, the record left as it was',
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
    ['ledger: a refusal dropped without keys', outsider(gone('refused')), 'ATTESTATION_REFUSED'],
    [
      'ledger: all refusals dropped without keys',
      outsider((entries) => entries.filter(({ type }) => type !== 'refused')),
      'ATTESTATION_REFUSED',
    ],
    [
      'ledger: a refusal dropped, everybody but the engine signs it',
      (tree) => forge(editLedger(tree, gone('refused')), ALL_BUT_ENGINE),
      'JOURNAL_DIFFERS',
    ],
    ['ledger: a refusal added without keys', outsider(twice('refused')), 'ATTESTATION_REFUSED'],
    [
      'ledger: a refusal says another actor, without keys',
      outsider((entries) => {
        nth(entries, 'refused').claimed_actor = 'ivan';
      }),
      'ATTESTATION_REFUSED',
    ],
    [
      'ledger: a refusal before the run opened',
      insider((entries) => [nth(entries, 'refused'), ...without(entries, nth(entries, 'refused'))]),
      'LEDGER_ENDS',
    ],
  ]),
  ...recipesOf('straight', [
    [
      'ledger: the tail dropped and closed as cancelled, without keys',
      (tree) => forge(shortened(tree, closedEarly('cancelled'))),
      'JOURNAL_DIFFERS',
    ],
    [
      'ledger: the tail dropped and closed as cancelled, sealed by a role key',
      (tree) => bundle(sealWith(forge(shortened(tree, closedEarly('cancelled'))), VECTOR_KEYS.nina)),
      'JOURNAL_DIFFERS',
    ],
    ['ledger: the tail dropped and aborted without an actor', insiderShortened('aborted'), 'FOLD_DIFFERS'],
    [
      'ledger: the whole of another run',
      (tree, genuine) => forge(tree.put(TREE_PATHS.ledger, ledgerLines(rechain(genuine('reworked').ledger()))), ENGINE),
      'REQUEST_SIGNATURE_INVALID',
    ],
  ]),
  ...recipesOf('cancelled', [
    [
      'ledger: a closing at another time, without keys',
      outsider((entries) => {
        nth(entries, 'runClosed').at = '2027-02-01T00:00:00.000Z';
      }),
      'JOURNAL_DIFFERS',
    ],
  ]),
  ...recipesOf('unopened', [
    [
      'ledger: another reason for not opening, without keys',
      outsider((entries) => {
        nth(entries, 'openingFailed').message = 'The moon was full.';
      }),
      'JOURNAL_DIFFERS',
    ],
    [
      'ledger: a run that never opened, under another id',
      insider((entries) => {
        nth(entries, 'openingFailed').run.run_id = 'vector-another';
      }),
      'REQUEST_SIGNATURE_INVALID',
    ],
  ]),
];

function insiderShortened(outcome: 'aborted'): Recipe['break'] {
  return (tree) => forge(shortened(tree, closedEarly(outcome)), ENGINE);
}
