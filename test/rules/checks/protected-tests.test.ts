import { expect, test } from 'vitest';
import type { PatchFile } from '../../../src/contracts/record/patch.js';
import { PATCH_RULES } from '../../../src/rules/patch-rules.js';
import { changed, judged } from '../patches.js';

const TESTS = ['test/**', '**/*_test.go'];
const judge = (file: PatchFile, planned_files: readonly string[] | null = null, protected_tests = TESTS) =>
  PATCH_RULES.protected_tests.judge(judged([file], { planned_files, protected_tests }));

test.each([
  ['a changed test', changed('test/a.js'), 'changes test/a.js'],
  ['a deleted test', changed('pkg/a_test.go', { status: 'deleted' }), 'deletes pkg/a_test.go'],
  ['a test that becomes a link', changed('test/a.js', { status: 'type_changed' }), 'replaces test/a.js'],
  ['a test in another case', changed('TEST/a.js'), 'changes TEST/a.js'],
  ['a test that is moved away', changed('old/a.js', { status: 'renamed', old_path: 'test/a.js' }), 'renames test/a.js'],
])('protected tests: %s fails without the plan, and needs an acknowledgement with it', (_, file, deed) => {
  const path = file.old_path ?? file.path;
  expect(judge(file)).toEqual([
    {
      severity: 'high',
      blocking: true,
      message: expect.stringContaining(`The patch ${deed}: it existed before`),
      path,
    },
  ]);
  expect(judge(file, ['src/a.js'])).toMatchObject([{ severity: 'high', blocking: true }]);
  expect(judge(file, [`./${path}`])).toMatchObject([{ severity: 'high', blocking: false, path }]);
});

test.each([
  ['a new test', changed('test/b.js', { status: 'added' })],
  ['a copy of a test', changed('test/b.js', { status: 'copied', old_path: 'test/a.js' })],
  ['a file moved to the tests', changed('test/b.js', { status: 'renamed', old_path: 'src/b.js' })],
  ['a source', changed('src/a.js')],
])('protected tests: %s is fine', (_, file) => {
  expect(judge(file)).toEqual([]);
});

test('protected tests: a policy without globs protects none', () => {
  expect(judge(changed('test/a.js'), null, [])).toEqual([]);
});

test('protected tests: a glob that is too complex to be matched protects everything', () => {
  expect(judge(changed('src/a.js'), null, ['**/a/**/b/**/c/**/d/**'])).toMatchObject([{ blocking: true }]);
});
