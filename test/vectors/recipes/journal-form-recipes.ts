import { canonicalJson } from '../../../src/contracts/json.js';
import { journalled, journalText } from './journal-edits.js';
import { type Recipe, recipesOf } from './recipe.js';

const first = (from: string | RegExp, to: string) => journalText((text) => text.replace(from, () => to));

/** The lines in another order, or another choice of them; each as it was. */
const lines = (change: (lines: readonly string[]) => readonly (string | undefined)[]): Recipe['break'] =>
  journalText((text) => `${change(text.trimEnd().split('\n')).join('\n')}\n`);

/** The first line written as something else. */
const line = (change: (value: { seq: number; entry: Record<string, unknown> }) => object): Recipe['break'] =>
  lines(([one = '', ...rest]) => [canonicalJson(change(JSON.parse(one))), ...rest]);

/** The journal's file can be read in two ways, or in none. */
export const JOURNAL_FORM_RECIPES: readonly Recipe[] = [
  ...recipesOf('straight', [
    ['journal: empty', journalText(() => ''), 'JOURNAL_DIFFERS'],
    ['journal: no JSON', journalText(() => 'approved\n'), 'JSON_MALFORMED'],
    ['journal: no newline at the end', journalText((text) => text.trimEnd()), 'JOURNAL_FORM'],
    ['journal: a line that is cut off', journalText((text) => text.slice(0, -40)), 'JOURNAL_FORM'],
    ['journal: CRLF', journalText((text) => text.replaceAll('\n', '\r\n')), 'JOURNAL_FORM'],
    ['journal: a byte order mark', journalText((text) => `\ufeff${text}`), 'JSON_MALFORMED'],
    ['journal: a space in a line', first('":"', '": "'), 'JOURNAL_FORM'],
    ['journal: 1.0 for 1', first('"seq":1}', '"seq":1.0}'), 'JOURNAL_FORM'],
    ['journal: a key twice', first('"seq":1}', '"seq":1,"seq":1}'), 'JOURNAL_FORM'],
    [
      'journal: members in another order',
      journalText((text) => text.replace(/^\{("entry":.*),("seq":0)\}$/m, '{$2,$1}')),
      'JOURNAL_FORM',
    ],
    ['journal: an empty line', first('\n', '\n\n'), 'JSON_MALFORMED'],
    ['journal: two lines exchanged', lines(([one, two, ...rest]) => [two, one, ...rest]), 'JOURNAL_FORM'],
    ['journal: a place twice', lines(([one, two, ...rest]) => [one, two, two, ...rest]), 'JOURNAL_FORM'],
    ['journal: a place left out', lines(([one, _two, ...rest]) => [one, ...rest]), 'JOURNAL_FORM'],
    ['journal: numbered from 1', line(({ seq, entry }) => ({ seq: seq + 1, entry })), 'JOURNAL_FORM'],
    ['journal: a place without an entry', line(({ seq }) => ({ seq })), 'JOURNAL_FORM'],
    ['journal: a place with a field more', line((value) => ({ ...value, late: true })), 'JOURNAL_FORM'],
    [
      'journal: an entry of an unknown kind',
      line(({ seq, entry }) => ({ seq, entry: { ...entry, kind: 'praised' } })),
      'JOURNAL_FORM',
    ],
    [
      'journal: an entry with a field more',
      line(({ seq, entry }) => ({ seq, entry: { ...entry, reviewed: true } })),
      'JOURNAL_FORM',
    ],
    [
      'journal: an envelope with two signatures',
      journalled((entries) => {
        for (const entry of entries)
          if (entry.kind === 'message') entry.envelope.signatures.push({ keyid: 'x', sig: 'x' });
      }),
      'JOURNAL_FORM',
    ],
  ]),
];
