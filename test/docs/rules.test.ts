import { readFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';
import { renderRulesPage } from '../../src/build/reference-pages.js';
import { RULE_TEXTS } from '../../src/contracts/policy/rule-texts.js';
import { INVENTORY_RULE } from '../../src/rules/attempts/judge-inventory.js';
import { PATCH_FORM_RULE } from '../../src/rules/judge-change.js';
import { PATCH_RULE_IDS } from '../../src/rules/patch-rules.js';
import { readSourceTree } from '../architecture/source-tree.js';

test('rules: docs/rules.md is what the texts give; `npm run schemas` writes it', async () => {
  expect(await readFile(new URL('../../docs/rules.md', import.meta.url), 'utf8')).toBe(renderRulesPage());
});

test('rules: every rule on patches has its texts', () => {
  for (const rule of [...PATCH_RULE_IDS, PATCH_FORM_RULE, INVENTORY_RULE]) expect(RULE_TEXTS[rule], rule).toBeDefined();
});

/** The names that code gives to findings, as it writes them. */
const NAMED = /\b(?:blocking|plain)Finding\(\s*'([a-z_]+)'/g;

test('rules: every rule on gates that code names has its texts', () => {
  const tree = readSourceTree(fileURLToPath(new URL('../../src', import.meta.url)));
  const named = [...tree.values()].flatMap((text) => [...text.matchAll(NAMED)].map(([, rule]) => rule ?? ''));
  expect(named.length).toBeGreaterThan(20);
  expect([...new Set(named)].filter((rule) => RULE_TEXTS[rule] === undefined)).toEqual([]);
});
