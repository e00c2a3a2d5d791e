import { expect, test } from 'vitest';
import { isGitName, linkTargetProblems, pathProblems, printable } from '../../../src/rules/paths/path-names.js';

test.each([
  '.git',
  '.GIT',
  '.Git',
  '.git.',
  '.git ',
  '.git . .',
  'git~1',
  'GIT~2',
  '.g\u200cit',
  '.git::$INDEX_ALLOCATION',
  '\ufeff.git',
])('isGitName: %j is .git on some file system', (name) => {
  expect(isGitName(name)).toBe(true);
});

test.each(['.gitignore', '.gitattributes', 'git', '.github', 'x.git', 'git~x'])(
  'isGitName: %j is an ordinary name',
  (name) => {
    expect(isGitName(name)).toBe(false);
  },
);

test.each(['a.ts', 'src/with space/ä.ts', 'a/.gitignore', '...', '日本/語.ts'])('pathProblems: %j is fine', (path) => {
  expect(pathProblems(path)).toEqual([]);
});

test.each([
  ['.git/hooks/pre-commit', 'lies under a .git folder'],
  ['a/.GIT/config', 'lies under a .git folder'],
  ['a\\.git\\config', 'lies under a .git folder'],
  ['/etc/passwd', 'is absolute'],
  ['C:\\x', 'is absolute'],
  ['a/../../x', 'has an empty, "." or ".." segment'],
  ['a//b', 'has an empty, "." or ".." segment'],
  ['a\nb', 'has control or invisible characters, or is not UTF-8'],
  ['a\u202eb', 'has control or invisible characters, or is not UTF-8'],
  ['a\ufffdb', 'has control or invisible characters, or is not UTF-8'],
])('pathProblems: %j is refused', (path, problem) => {
  expect(pathProblems(path)).toContain(problem);
});

test.each([
  ['a/link', '../b'],
  ['link', 'src/a'],
  ['a/b/link', '../../c'],
  ['link', '.'],
])('linkTargetProblems: %j may point to %j', (path, target) => {
  expect(linkTargetProblems(path, target)).toEqual([]);
});

test.each([
  ['link', '../b', 'points out of the tree'],
  ['a/link', '../../b', 'points out of the tree'],
  ['link', '/etc/passwd', 'points out of the tree'],
  ['link', 'C:/x', 'points out of the tree'],
  ['a/b', 'c/../../..', 'points out of the tree'],
  ['link', '.git/config', 'points into a .git folder'],
  ['a/link', '../.GIT', 'points into a .git folder'],
  ['link', 'a\nb', 'points to a name with control or invisible characters'],
])('linkTargetProblems: %j may not point to %j', (path, target, problem) => {
  expect(linkTargetProblems(path, target)).toContain(problem);
});

test('printable: escapes what a terminal would act on, and cuts', () => {
  expect(printable('a\u001b[31mb\n\u202e')).toBe('a\\u{1b}[31mb\\u{a}\\u{202e}');
  expect(printable('abcdef', 3)).toBe('abc…');
});
