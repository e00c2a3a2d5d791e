import { canonicalJson } from '../../../src/contracts/json.js';
import { ALL_KEYS, bundle, forge, patchRecord, seal } from '../../support/forge-tree.js';
import type { MutableTree } from '../../support/mutable-tree.js';
import { recipesOf } from './recipe.js';

const RECORD = 'run_record.json';
const LEDGER = 'evidence/ledger.jsonl';
const ATTEMPT = 'evidence/attempts/P00/1/attempt.json';
const REQUEST = 'evidence/attestations/run-request.dsse.json';

const first = (from: string | RegExp, to: string) => (text: string) => text.replace(from, () => to);
/** The record written another way, and signed so by the engine's key: two readers could read two things. */
const record = (change: (text: string) => string) => (tree: MutableTree) => seal(tree.edit(RECORD, change));
const ledger = (change: (text: string) => string) => (tree: MutableTree) => tree.edit(LEDGER, change);
/** An attempt's record written another way, all digests and signatures made again by everybody together. */
const attempt = (change: (text: string) => string) => (tree: MutableTree) =>
  forge(tree.edit(ATTEMPT, change), ALL_KEYS);

/** Documents that can be read in two ways, or in none. */
export const JSON_RECIPES = [
  ...recipesOf('cancelled', [
    ['record: a byte order mark', record((text) => `\ufeff${text}`), 'JSON_MALFORMED'],
    ['record: something behind the JSON', record((text) => `${text}{}\n`), 'JSON_MALFORMED'],
    ['record: cut off', record((text) => text.slice(0, -20)), 'JSON_MALFORMED'],
    ['record: a comment', record((text) => `// approved\n${text}`), 'JSON_MALFORMED'],
    ['record: NaN', record(first(/"bytes": \d+/, '"bytes": NaN')), 'JSON_MALFORMED'],
    [
      'record: bytes that are no UTF-8',
      (tree) => tree.put(RECORD, Buffer.concat([tree.bytes(RECORD), Buffer.from([0xff])])),
      'JSON_MALFORMED',
    ],
    ['record: empty', (tree) => tree.put(RECORD, ''), 'JSON_MALFORMED'],
    [
      'record: a key twice',
      record(first('"outcome": "cancelled"', '"outcome": "approved",\n  "outcome": "cancelled"')),
      'JSON_NOT_STRICT',
    ],
    ['record: 1.0 for 1', record(first('"schema_version": 1,', '"schema_version": 1.0,')), 'JSON_NOT_STRICT'],
    ['record: 1e0 for 1', record(first('"schema_version": 1,', '"schema_version": 1e0,')), 'JSON_NOT_STRICT'],
    [
      'record: spaces at the end of a line',
      record(first('"schema_version": 1,', '"schema_version": 1,  ')),
      'JSON_NOT_STRICT',
    ],
    ['record: CRLF', record((text) => text.replaceAll('\n', '\r\n')), 'JSON_NOT_STRICT'],
    ['record: tabs', record((text) => text.replaceAll('  ', '\t')), 'JSON_NOT_STRICT'],
    ['record: no newline at the end', record((text) => text.trimEnd()), 'JSON_NOT_STRICT'],
    ['record: a letter escaped', record(first('"cancelled"', '"c\\u0061ncelled"')), 'JSON_NOT_STRICT'],
    [
      'record: a __proto__ member',
      record(first('"schema_version": 1,', '"__proto__": {},\n  "schema_version": 1,')),
      'SHAPE_INVALID',
    ],
    ['record: on one line', record((text) => JSON.stringify(JSON.parse(text))), 'JSON_NOT_STRICT'],
    [
      'record: members in another order',
      (tree) =>
        tree.edit(
          RECORD,
          (text) =>
            `${JSON.stringify(Object.fromEntries(Object.entries(JSON.parse(text) as object).reverse()), null, 2)}\n`,
        ),
      'RECORD_SIGNATURE_INVALID',
    ],
    ['record: a list', record(() => '[]\n'), 'SHAPE_INVALID'],
    [
      'record: a field more',
      record(first('"schema_version": 1,', '"schema_version": 1,\n  "reviewed": true,')),
      'SHAPE_INVALID',
    ],
    ['record: a field less', record(first(/ {2}"developer": "[^"]*",\n/, '')), 'SHAPE_INVALID'],
    ['record: a number as text', record(first('"schema_version": 1,', '"schema_version": "1",')), 'SHAPE_INVALID'],
    [
      'record: an upper-case digest',
      record((text) =>
        text.replace(/"sha256": "([0-9a-f]{64})"/, (_, hex: string) => `"sha256": "${hex.toUpperCase()}"`),
      ),
      'SHAPE_INVALID',
    ],
    [
      'record: a path that climbs out',
      record(first('"path": "evidence/request.json"', '"path": "../request.json"')),
      'PATH_NOT_ALLOWED',
    ],
    ['ledger: a byte order mark', ledger((text) => `\ufeff${text}`), 'LEDGER_FORM'],
    ['ledger: CRLF', ledger((text) => text.replaceAll('\n', '\r\n')), 'LEDGER_FORM'],
    ['ledger: no newline at the end', ledger((text) => text.trimEnd()), 'LEDGER_FORM'],
    ['ledger: an empty line', ledger(first('\n', '\n\n')), 'LEDGER_FORM'],
    ['ledger: a space in a line', ledger(first('":"', '": "')), 'LEDGER_FORM'],
    ['ledger: 1.0 for 1', ledger(first('"seq":1,', '"seq":1.0,')), 'LEDGER_FORM'],
    ['ledger: a key twice', ledger(first('"seq":1,', '"seq":1,"seq":1,')), 'LEDGER_FORM'],
    [
      'ledger: members in another order',
      ledger((text) => text.replace(/^\{("at":"[^"]*"),(.*)\}$/m, '{$2,$1}')),
      'LEDGER_FORM',
    ],
    ['ledger: a line that is cut off', ledger((text) => text.slice(0, -40)), 'LEDGER_FORM'],
    ['ledger: no JSON', ledger(() => 'cancelled\n'), 'LEDGER_FORM'],
    ['ledger: empty', (tree) => tree.put(LEDGER, ''), 'LEDGER_ENDS'],
    [
      'attempt: a key twice, signed by all',
      attempt(first('"verdict": "pass"', '"verdict": "fail",\n  "verdict": "pass"')),
      'JSON_NOT_STRICT',
    ],
    ['attempt: 1.0 for 1, signed by all', attempt(first('"attempt": 1,', '"attempt": 1.0,')), 'JSON_NOT_STRICT'],
    [
      'attempt: no JSON, signed by all',
      (tree) => {
        const path = 'evidence/context.json';
        return forge(
          tree.edit(path, () => 'A bill splitter.\n'),
          ALL_KEYS,
        );
      },
      'JSON_MALFORMED',
    ],
    [
      'attempt: an output of another shape, signed by all',
      (tree) =>
        forge(
          tree.editJson<Record<string, unknown>>('evidence/context.json', (output) => {
            output.approved = true;
          }),
          ALL_KEYS,
        ),
      'SHAPE_INVALID',
    ],
    [
      'envelope: on one line, listed so by the engine',
      (tree) => seal(patchRecord(tree.edit(REQUEST, (text) => canonicalJson(JSON.parse(text))))),
      'JSON_NOT_STRICT',
    ],
    [
      'envelope: a second signature, listed so by the engine',
      (tree) =>
        bundle(
          seal(
            patchRecord(
              tree.editJson<{ signatures: object[] }>(REQUEST, (envelope) => {
                envelope.signatures.push(...envelope.signatures);
              }),
            ),
          ),
        ),
      'SHAPE_INVALID',
    ],
  ]),
];
