import { expect, test } from 'vitest';
import { readAddedLines, readRawDiff } from '../../../src/adapters/git/read-diff.js';
import { gitWords } from '../../../src/adapters/git/run-git.js';
import { unquotePath } from '../../../src/rules/path-names.js';

test.each([
  ['plain.txt', 'plain.txt'],
  ['"quo\\"te"', 'quo"te'],
  ['"back\\\\slash"', 'back\\slash'],
  ['"new\\nline\\ttab"', 'new\nline\ttab'],
  ['"\\303\\274"', 'ü'],
  ['"\\377"', '\ufffd'],
  ['"', '"'],
])('unquotePath: %s', (printed, path) => {
  expect(unquotePath(printed)).toBe(path);
});

test('readAddedLines: counts of the header decide what is content', () => {
  const patch = [
    'diff --git a/x b/x',
    '--- a/x',
    '+++ b/x',
    '@@ -1,2 +1,3 @@ context',
    '--- a/other',
    '-old',
    '+++ b/other',
    '+@@ -1 +1 @@',
    '+diff --git a/y b/y',
    '\\ No newline at end of file',
    '@@ -9 +10 @@',
    '-x',
    '+tenth',
    'diff --git "a/q\\"" "b/q\\""',
    '--- /dev/null',
    '+++ "b/q\\""',
    '@@ -0,0 +1 @@',
    '+q',
    'diff --git a/with space b/with space',
    '--- a/with space\t',
    '+++ b/with space\t',
    '@@ -0,0 +5 @@',
    '+five',
    'diff --git a/gone b/gone',
    '--- a/gone',
    '+++ /dev/null',
    '@@ -1 +0,0 @@',
    '-gone',
    '',
  ].join('\n');
  expect(readAddedLines(Buffer.from(patch)).map(({ path, line, text }) => [path, line, text])).toEqual([
    ['x', 1, '++ b/other'],
    ['x', 2, '@@ -1 +1 @@'],
    ['x', 3, 'diff --git a/y b/y'],
    ['x', 10, 'tenth'],
    ['q"', 1, 'q'],
    ['with space', 5, 'five'],
  ]);
});

test('readAddedLines: lines of context are counted, whatever they look like, and are none of the added ones', () => {
  const patch = [
    'diff --git a/x b/x',
    '--- a/x',
    '+++ b/x',
    '@@ -4,4 +4,5 @@ context',
    ' +++ b/other',
    '-old',
    '+new',
    ' @@ -1 +1 @@',
    '+newer',
    ' ',
    '@@ -20,3 +21,2 @@',
    ' twenty',
    '-gone',
    ' ',
    'diff --git a/z b/z',
    '+++ b/z',
    '@@ -0,0 +1 @@',
    '+z',
    '',
  ].join('\n');
  expect(readAddedLines(Buffer.from(patch)).map(({ path, line, text }) => [path, line, text])).toEqual([
    ['x', 5, 'new'],
    ['x', 7, 'newer'],
    ['z', 1, 'z'],
  ]);
});

test('readAddedLines: nothing gives nothing', () => {
  expect(readAddedLines(Buffer.alloc(0))).toEqual([]);
});

test('readRawDiff: raw and counts are joined, renames and tabs in names included', () => {
  const printed = [
    ':100644 100644 1111 2222 R090',
    'old\tname',
    'new\nname',
    ':000000 100644 0000 3333 A',
    'logo.bin',
    '3\t1\t',
    'old\tname',
    'new\nname',
    '-\t-\tlogo.bin',
    '',
  ].join('\0');
  expect(readRawDiff(Buffer.from(printed))).toEqual([
    {
      path: 'new\nname',
      oldPath: 'old\tname',
      status: 'renamed',
      oldMode: '100644',
      mode: '100644',
      oldBlob: '1111',
      blob: '2222',
      added: 3,
      deleted: 1,
    },
    {
      path: 'logo.bin',
      oldPath: null,
      status: 'added',
      oldMode: '000000',
      mode: '100644',
      oldBlob: '0000',
      blob: '3333',
      added: null,
      deleted: null,
    },
  ]);
});

test.each([[':100644 100644 1 2 X\0a\0'], ['1\t1\tunlisted\0'], ['garbage\0']])(
  'readRawDiff: %j is refused',
  (printed) => {
    expect(() => readRawDiff(Buffer.from(printed))).toThrow();
  },
);

test('gitWords: one line, bounded, without the credentials of a URL', () => {
  expect(gitWords('fatal: x\nunable to access https://ada:pw@git.example.org/x')).toBe(
    'fatal: x; unable to access https://…@git.example.org/x',
  );
  expect(gitWords('x'.repeat(50), 10)).toHaveLength(10);
});
