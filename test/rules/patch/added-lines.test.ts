import { expect, test } from 'vitest';
import type { LongPatch } from '../../../src/contracts/record/long-patch.js';
import { readAddedLines, wholeChange } from '../../../src/rules/patch/added-lines.js';
import { changed } from '../patches.js';

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

test('wholeChange: has the lines that git shows, links that were only moved, and the text of binary files', async () => {
  const shown = ['diff --git a/x b/x', '--- a/x', '+++ b/x', '@@ -0,0 +1 @@', '+shown', ''].join('\n');
  let released = 0;
  const change: LongPatch = {
    files: [changed('x'), changed('moved'), changed('logo.bin', { binary: true })],
    bytes: Buffer.from('other bytes'),
    shown: Buffer.from(shown),
    moved_links: [
      { path: 'moved', line: 1, text: '../target' },
      { path: 'x', line: 1, text: 'is shown already' },
    ],
    binaries: [{ path: 'logo.bin', content: Buffer.from('a\0b\0\xff', 'latin1') }],
    release: () => {
      released += 1;
    },
  };
  expect(await wholeChange(change)).toEqual({
    bytes: Buffer.from('other bytes'),
    files: change.files,
    added_lines: [
      { path: 'x', line: 1, text: 'shown' },
      { path: 'moved', line: 1, text: '../target' },
    ],
    binary_texts: [{ path: 'logo.bin', text: 'ab\xff' }],
  });
  expect(released).toBe(1);
});
