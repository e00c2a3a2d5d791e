import { readFile } from 'node:fs/promises';
import { expect, test } from 'vitest';
import { NEVER_WAIVABLE_RULES } from '../../src/contracts/names.js';
import { PATCH_RULE_IDS, PATCH_RULES, type PatchRuleId } from '../../src/rules/patch-rules.js';

const page = await readFile(new URL('../../docs/patch-rules.md', import.meta.url), 'utf8');
const rows = [...page.matchAll(/^\| `([a-z_]+)` \|.*\| ([^|]+) \| ([^|]+) \| ([^|]+) \|$/gm)].map(
  ([, id = '', blocks = '', escalates = '', waived = '']) => ({ id, blocks, escalates, waived }),
);

test('docs/patch-rules.md: has every rule on patches, in the order of the reports', () => {
  expect(rows.map(({ id }) => id)).toEqual(PATCH_RULE_IDS);
});

test('docs/patch-rules.md: says which rules raise a P08, and which are never waived', () => {
  for (const { id, escalates, waived } of rows) {
    expect([id, escalates]).toEqual([id, PATCH_RULES[id as PatchRuleId].escalates ? 'yes' : 'no']);
    expect([id, waived === 'never']).toEqual([id, (NEVER_WAIVABLE_RULES as readonly string[]).includes(id)]);
  }
});
