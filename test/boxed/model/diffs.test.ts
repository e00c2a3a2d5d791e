import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { applyDiff, parseDiff } from '../../../src/boxed/model/files/apply-diff.js';
import { listFiles, readLines, searchFiles } from '../../../src/boxed/model/files/read-files.js';

let root: string;
beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'promptos-diffs-'));
});
afterEach(() => rmSync(root, { recursive: true, force: true }));

const put = (path: string, text: string): void => {
  mkdirSync(dirname(join(root, path)), { recursive: true });
  writeFileSync(join(root, path), text);
};
const read = (path: string): string => readFileSync(join(root, path), 'utf8');
const numbered = (count: number): string => Array.from({ length: count }, (_, index) => `line ${index + 1}\n`).join('');

describe('applyDiff', () => {
  test('applyDiff: finds hunks by their text, whatever their numbers say, and applies several files', () => {
    put('a.txt', numbered(40));
    put('dir/b.txt', 'one\ntwo\n');
    const diff = [
      ...['diff --git a/a.txt b/a.txt', 'index 123..456 100644', '--- a/a.txt', '+++ b/a.txt'],
      ...['@@ -1,99 +1,2 @@', ' line 4', '-line 5', '+line five', ' line 6'],
      ...['@@ ... @@', ' line 30', '+line 30 and a half', ' line 31', ''],
      ...['--- dir/b.txt', '+++ dir/b.txt', '@@ -1 +1 @@', '-one', '+1', ' two'],
    ];
    expect(applyDiff(root, diff.join('\n'))).toEqual(['a.txt', 'dir/b.txt']);
    expect(read('a.txt')).toBe(
      numbered(40).replace('line 5\n', 'line five\n').replace('line 31\n', 'line 30 and a half\nline 31\n'),
    );
    expect(read('dir/b.txt')).toBe('1\ntwo\n');
  });

  test('applyDiff: makes, renames and removes files', () => {
    put('old.txt', 'old\n');
    put('gone.txt', 'gone\n');
    applyDiff(
      root,
      '--- /dev/null\n+++ b/x/new.txt\n@@ -0,0 +1,2 @@\n+one\n+two\n--- a/old.txt\n+++ b/renamed.txt\n@@ -1 +1 @@\n-old\n+new\n--- a/gone.txt\n+++ /dev/null\n@@ -1 +0,0 @@\n-gone\n',
    );
    expect(listFiles(root, '.')).toBe('renamed.txt\nx/new.txt\n');
    expect([read('x/new.txt'), read('renamed.txt')]).toEqual(['one\ntwo\n', 'new\n']);
  });

  test('applyDiff: keeps line endings, and a last line without one', () => {
    put('dos.txt', 'one\r\ntwo\r\n');
    put('bare.txt', 'one\ntwo');
    applyDiff(root, '--- a/dos.txt\n+++ b/dos.txt\n@@ -1,2 +1,2 @@\n one\n-two\n+2\n');
    expect(read('dos.txt')).toBe('one\r\n2\r\n');
    const end = '\\ No newline at end of file';
    applyDiff(root, `--- a/bare.txt\n+++ b/bare.txt\n@@ -1,2 +1,2 @@\n one\n-two\n${end}\n+2\n${end}\n`);
    expect(read('bare.txt')).toBe('one\n2');
  });

  test.each([
    [
      'a context that the file does not have',
      '--- a/a\n+++ b/a\n@@ -1 +1 @@\n-nothing\n+x\n',
      'Hunk 1 of 1 does not apply to "a"',
    ],
    ['a file that is missing', '--- a/b\n+++ b/b\n@@ -1 +1 @@\n-one\n+x\n', 'There is no file "b"'],
    ['a new file that is there', '--- /dev/null\n+++ b/a\n@@ -0,0 +1 @@\n+x\n', '"a" is there already'],
    [
      'a file twice',
      '--- a/a\n+++ b/a\n@@ -1 +1 @@\n-one\n+x\n--- a/a\n+++ b/a\n@@ -2 +2 @@\n-two\n+y\n',
      'more than once',
    ],
    ['a hunk without a file', '@@ -1 +1 @@\n-one\n+x\n', 'A hunk has no file'],
    ['no diff', 'Change one to x.', 'There is no file in the diff'],
    ['a line without a sign', '--- a/a\n+++ b/a\n@@ -1 +1 @@\none\n+x\n', 'begins with none of'],
    ['a path that leads out', '--- /dev/null\n+++ b/../x\n@@ -0,0 +1 @@\n+x\n', 'leads out of the checkout'],
  ])('applyDiff: refuses %s, and changes nothing', (_, diff, problem) => {
    put('a', 'one\ntwo\n');
    expect(() => applyDiff(root, `--- /dev/null\n+++ b/first\n@@ -0,0 +1 @@\n+x\n${diff}`)).toThrow();
    expect(() => applyDiff(root, diff)).toThrow(problem);
    expect(listFiles(root, '.')).toBe('a\n');
    expect(read('a')).toBe('one\ntwo\n');
  });

  test('parseDiff: a removed line that looks like the head of a file stays a line', () => {
    expect(
      parseDiff('--- a/q.sql\n+++ b/q.sql\n@@ -1,2 +1 @@\n--- a comment\n select 1;\n')[0]?.hunks[0]?.lines,
    ).toEqual(['--- a comment', ' select 1;']);
  });
});

describe('looking at files', () => {
  test('readLines: says which lines of a long file it gives', () => {
    put('long.txt', numbered(5_000));
    expect(readLines(root, 'long.txt', 1)).toMatch(
      /^line 1\n[\s\S]*line 2000\n\[lines 1 to 2000 of 5000 of long\.txt\]\n$/,
    );
    expect(readLines(root, 'long.txt', 4_999, 10)).toBe(
      'line 4999\nline 5000\n[lines 4999 to 5000 of 5000 of long.txt]\n',
    );
    put('wide.txt', `${'x'.repeat(300_000)}\n`);
    expect(readLines(root, 'wide.txt', 1).length).toBeLessThan(70_000);
    put('binary', 'a\0b');
    expect(() => readLines(root, 'binary', 1)).toThrow('is no text file');
  });

  test('listFiles: is bounded, and does not enter downloads or the folder of git', () => {
    put('node_modules/x/index.js', '');
    put('.git/config', '');
    for (let index = 0; index < 1_001; index += 1) put(`many/${index}`, '');
    expect(listFiles(root, '.')).toMatch(/\n\[more files than 1000: list a folder of these\]\n$/);
    expect(listFiles(root, '.')).not.toMatch(/index\.js|config/);
  });

  test('listFiles, searchFiles: a name with a line break is quoted, so that it passes for no other file', () => {
    put('a\nsafe.txt:1: all is well', 'secret\n');
    const quoted = JSON.stringify('a\nsafe.txt:1: all is well');
    expect(listFiles(root, '.')).toBe(`${quoted}\n`);
    expect(searchFiles(root, 'secret', { path: '.', regex: false })).toBe(`${quoted}:1: secret\n`);
  });

  test('searchFiles: texts and regular expressions, each line by its place, at most a hundred', () => {
    put('a.txt', 'Alpha\nbeta (x)\n');
    put('b.txt', numbered(200));
    expect(searchFiles(root, '(x)', { path: '.', regex: false })).toBe('a.txt:2: beta (x)\n');
    expect(searchFiles(root, '^A.*a$', { path: 'a.txt', regex: true })).toBe('a.txt:1: Alpha\n');
    expect(searchFiles(root, 'line', { path: '.', regex: false }).split('\n')).toHaveLength(102);
    expect(() => searchFiles(root, '(', { path: '.', regex: true })).toThrow('not one of RE2');
    // A pattern that takes for ever elsewhere.
    put('evil.txt', `${'a'.repeat(50_000)}!\n`);
    expect(searchFiles(root, '^(a+)+$', { path: 'evil.txt', regex: true })).toBe('[no line has it]\n');
  });
});
