import { expect, test } from 'vitest';
import { findingsOf } from './written-patches.js';

const components = [
  { name: 'parser', files: ['./src/parse.ts', 'src/tokens.ts'] },
  { name: 'page', files: ['docs/parser.md'] },
];
const only = (files: Parameters<typeof findingsOf>[1], more = {}) =>
  findingsOf('plan_files', files, { components, ...more });

test('plan_files: each file that the plan names and the patch leaves alone is named with its component', () => {
  expect(only({ 'src/parse.ts': ['+a'] })).toMatchObject([
    {
      severity: 'medium',
      blocking: false,
      path: 'src/tokens.ts',
      message: expect.stringContaining('component "parser"'),
    },
    {
      severity: 'high',
      blocking: false,
      path: 'docs/parser.md',
      message: expect.stringContaining('no file of this component'),
    },
  ]);
});

test('plan_files: a renamed file counts by both of its names', () => {
  const files = { 'src/tokens.ts': { from: 'src/parse.ts', hunks: [] }, 'docs/parser.md': ['+a'] };
  expect(only(files)).toEqual([]);
});

test('plan_files: an empty patch is left to its rule, and versions 1 and 2 are not judged', () => {
  expect(only({})).toEqual([]);
  for (const rules_version of [1, 2]) expect(only({ 'src/parse.ts': ['+a'] }, { rules_version })).toEqual([]);
});
