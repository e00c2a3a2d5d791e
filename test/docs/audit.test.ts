import { readFile } from 'node:fs/promises';
import { expect, test } from 'vitest';
import { ERROR_CATALOGUE } from '../../src/contracts/errors.js';
import { VERIFY_CODES } from '../../src/verify/verify-codes.js';

const page = await readFile(new URL('../../docs/audit.md', import.meta.url), 'utf8');

/** Codes that a page names and that nothing gives. */
const unknownCodes = (text: string): readonly string[] =>
  [...text.matchAll(/`([A-Z]+(?:_[A-Z]+)+)`/g)]
    .map(([, code = '']) => code)
    .filter((code) => !(code in ERROR_CATALOGUE) && !(code in VERIFY_CODES));

test('docs/audit.md: every code that it names is one', () => {
  expect(unknownCodes(page)).toEqual([]);
});

test('docs/audit.md: a code that is made up is seen', () => {
  expect(unknownCodes(`${page} \`BANANA_SPLIT\``)).toEqual(['BANANA_SPLIT']);
});

test('docs/audit.md: contains every refusal of the audit', async () => {
  const errors = await readFile(new URL('../../docs/errors.md', import.meta.url), 'utf8');
  const section = errors.split('\n## Audit\n')[1]?.split('\n## ')[0] ?? '';
  const codes = [...section.matchAll(/^### `([A-Z_]+)`/gm)].map(([, code = '']) => code);
  expect(codes.length).toBeGreaterThan(8);
  expect(codes.filter((code) => !page.includes(`\`${code}\``))).toEqual([]);
});
