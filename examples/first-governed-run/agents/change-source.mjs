import { readFile, writeFile } from 'node:fs/promises';

const FUNCTION = /export function splitBill\(totalCents, people\) \{\n[\s\S]*?\n\}\n/;

const GUARD = [
  '  if (!Number.isSafeInteger(people) || people < 1) {',
  "    throw new RangeError('people must be a whole number of at least 1');",
  '  }',
  '  if (!Number.isSafeInteger(totalCents)) {',
  "    throw new RangeError('totalCents must be whole cents');",
  '  }',
];

const ROUNDED = [
  '  const share = Math.round(totalCents / people);',
  '  return Array.from({ length: people }, () => share);',
];

const exactBody = (rule) => [
  '  const share = Math.floor(totalCents / people);',
  '  const left = totalCents - share * people;',
  `  const paysMore = (person) => ${rule === 'first' ? 'person < left' : 'person >= people - left'};`,
  '  return Array.from({ length: people }, (_, person) => (paysMore(person) ? share + 1 : share));',
];

/**
 * Replaces the body of `splitBill` and leaves the rest of the file as it is.
 *
 * @param {string} path
 * @param {{ rule: 'first' | 'last', exact: boolean, guarded: boolean }} change
 */
export async function editSource(path, { rule, exact, guarded }) {
  const source = await readFile(path, 'utf8');
  if (!FUNCTION.test(source)) throw new Error(`${path} has no function splitBill(totalCents, people)`);
  const body = [...(guarded ? GUARD : []), ...(exact ? exactBody(rule) : ROUNDED)];
  const changed = ['export function splitBill(totalCents, people) {', ...body, '}', ''].join('\n');
  await writeFile(
    path,
    source.replace(FUNCTION, () => changed),
  );
}

/**
 * Writes the test that pins down who pays the left-over cents.
 *
 * @param {string} path
 * @param {{ rule: 'first' | 'last', guarded: boolean }} change
 */
export async function writeLeftoverTest(path, { rule, guarded }) {
  const shares = rule === 'first' ? '[334, 333, 333]' : '[333, 333, 334]';
  const seven = rule === 'first' ? '[15, 15, 14, 14, 14, 14, 14]' : '[14, 14, 14, 14, 14, 15, 15]';
  const lines = [
    "import assert from 'node:assert/strict';",
    "import { test } from 'node:test';",
    "import { splitBill } from '../src/split-bill.js';",
    '',
    `test('the ${rule} people pay the left-over cents, one cent each', () => {`,
    `  assert.deepEqual(splitBill(1000, 3), ${shares});`,
    `  assert.deepEqual(splitBill(100, 7), ${seven});`,
    '});',
    '',
  ];
  if (guarded) {
    lines.push(
      "test('what is no number of people or no whole cents is refused', () => {",
      '  for (const people of [0, -1, 2.5, Number.NaN]) assert.throws(() => splitBill(1000, people), RangeError);',
      '  assert.throws(() => splitBill(10.5, 2), RangeError);',
      '});',
      '',
    );
  }
  await writeFile(path, lines.join('\n'));
}
