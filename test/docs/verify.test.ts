import { readFile } from 'node:fs/promises';
import { expect, test } from 'vitest';
import { PROMPTOS_POLICY_FIELDS } from '../../src/verify/trust.js';
import { VERIFY_CODES } from '../../src/verify/verify-codes.js';
import { CHECKS, NOT_RECOMPUTED } from '../../src/verify/verify-tree.js';

const page = await readFile(new URL('../../docs/verify.md', import.meta.url), 'utf8');

/** The first cells of the tables under a heading, without their backticks. */
const rows = (text: string, heading: string): readonly (readonly [string, string])[] => {
  const section = text.split(`\n## ${heading}\n`)[1]?.split('\n## ')[0] ?? '';
  return [...section.matchAll(/^\| `([A-Za-z_]+)` \| (.*) \|$/gm)].map(([, name = '', rest = '']) => [name, rest]);
};

const codesOf = (text: string) => Object.fromEntries(rows(text, 'Codes'));
const names = (text: string, heading: string) => rows(text, heading).map(([name]) => name);

test('docs/verify.md: has every code with what it means, and no other', () => {
  expect(codesOf(page)).toEqual(VERIFY_CODES);
  expect(new Set(names(page, 'Codes')).size).toBe(names(page, 'Codes').length);
});

test('docs/verify.md: has every check in its order, and every field of the PromptOS policy file', () => {
  expect(names(page, 'What is checked')).toEqual(Object.keys(CHECKS));
  expect(names(page, 'The policy file of existing PromptOS tooling')).toEqual([...PROMPTOS_POLICY_FIELDS]);
});

test('docs/verify.md: a code that is left out, or made up, would show', () => {
  expect(codesOf(page.replace(/^\| `SEAL_MISSING` .*\n/m, ''))).not.toEqual(VERIFY_CODES);
  expect(codesOf(page.replace('| `SEAL_MISSING` |', '| `SEAL_GONE` |'))).not.toEqual(VERIFY_CODES);
});

test('docs/verify.md: names what is not recomputed as the verifier does', () => {
  for (const one of NOT_RECOMPUTED) expect(page).toContain(`\n- ${one}`);
});
