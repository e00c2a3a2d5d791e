import { describe, expect, test } from 'vitest';
import { globProblemText, readGlob } from '../../../src/rules/paths/read-glob.js';
import { createGlobMatcher } from '../../../src/rules/paths/scope-matching.js';

const forbids = (glob: string, path: string): boolean => createGlobMatcher([glob], true).match(path) !== undefined;
const allows = (glob: string, path: string): boolean => createGlobMatcher([glob], false).match(path) !== undefined;
const problem = (glob: string): string | null => {
  const read = readGlob(glob);
  return read.problem === null ? null : globProblemText(read.problem);
};

describe('createGlobMatcher: what forbids reaches as far as in a .gitignore', () => {
  test.each([
    ['a folder by its path', 'src/secret', 'src/secret/k.txt'],
    ['a folder with a slash', '.github/', '.github/workflows/ci.yml'],
    ['a name in any folder', '*.pem', 'certs/deep/a.pem'],
    ['a folder by its name in any folder', 'secret', 'src/secret/k.txt'],
    ['what a wildcard matches, and all below', 'src/*', 'src/a/b.ts'],
    ['another case', 'src/Secret/**', 'SRC/sECRET/k.txt'],
    ['another case beyond ASCII', 'straße/**', 'STRASSE/x'],
    ['the long s', 'secret/**', '\u017fecret/x'],
    ['another normal form', 'caf\u00e9/**', 'cafe\u0301/x'],
    ['a pattern in another normal form', 'cafe\u0301/**', 'caf\u00e9/x'],
    ['a group of routes', 'app/(auth)/**', 'app/(auth)/login/page.tsx'],
    ['a catch-all route', 'app/[...slug]', 'app/[...slug]/page.tsx'],
    ['an optional catch-all route', 'app/[[...slug]]/**', 'app/[[...slug]]/page.tsx'],
    ['a bracket as a name', 'app/[id]/**', 'app/[id]/page.tsx'],
    ['the same bracket as a set', 'app/[id]/**', 'app/i/page.tsx'],
    ['a template folder', '{{cookiecutter.name}}/**', '{{cookiecutter.name}}/setup.py'],
    ['a name with a plus', 'src/c++', 'src/c++/a.cc'],
    ['a name with a quote', 'it"s', 'it"s'],
    ['alternatives', '**/*.{key,pem}', 'a/b.key'],
    ['escaped brackets', 'app/\\[id\\]', 'app/[id]/x'],
    ['the top only', './Makefile', 'Makefile'],
  ])('%s: %j matches %j', (_, glob, path) => {
    expect(problem(glob)).toBeNull();
    expect(forbids(glob, path)).toBe(true);
  });

  test.each([
    ['./Makefile', 'docs/Makefile'],
    ['src/secret', 'lib/src/secret/k.txt'],
    ['src/secret', 'src/secrets/k.txt'],
    ['app/\\[id\\]', 'app/i/x'],
    ['[[]id]', 'i'],
    ['src[!a]b', 'src/b'],
  ])('%j does not match %j', (glob, path) => {
    expect(forbids(glob, path)).toBe(false);
  });
});

describe('createGlobMatcher: what allows begins at the top', () => {
  test.each([
    ['src', 'src/a/b.ts'],
    ['src/', 'src/a/b.ts'],
    ['app/(auth)', 'app/(auth)/login/page.tsx'],
    ['app/[...slug]/**', 'app/[...slug]/page.tsx'],
    ['[Mm]akefile', 'makefile'],
    ['caf\u00e9/**', 'cafe\u0301/x'],
    ['./src/**', 'src/a.ts'],
  ])('%j allows %j', (glob, path) => {
    expect(allows(glob, path)).toBe(true);
  });

  test.each([
    ['*.py', 'src/a.py'],
    ['src/*', 'src/a/b.ts'],
    ['src', 'SRC/a.ts'],
    ['src', 'lib/src/a.ts'],
    ['app/(auth)/**', 'app/auth/page.tsx'],
  ])('%j does not allow %j', (glob, path) => {
    expect(allows(glob, path)).toBe(false);
  });
});

describe('readGlob: refuses what can match nothing or is not certain, with the spelling that would work', () => {
  test.each([
    ['src\\flask\\**', 'src/flask/**'],
    ['/src/**', 'src/**'],
    ['/Makefile', './Makefile'],
    ['src//a/**', 'src/a/**'],
    ['src/./a', 'src/a'],
    ['./', '**'],
    ['src/**.ts', 'src/**/*.ts'],
    ['src/a**', 'src/a*/**'],
    ['src/*** ', 'src/***'],
    ['src/***', 'src/**'],
    ['a[b', 'a[[]b'],
  ])('%j is written %j', (glob, write) => {
    expect(problem(glob)).toContain(`; write "${write}"`);
  });

  test.each([
    'C:\\src\\**',
    'C:/src/**',
    '../lib/**',
    'src/../lib',
    '!src/**',
    'src/{a,b',
    '@(a',
    '[z-a]',
    'a\u0000b',
    '+(a)b',
  ])('%j is refused', (glob) => {
    expect(problem(glob)).not.toBeNull();
  });

  test('what cannot be read forbids everything, and allows only the path that it spells', () => {
    expect(createGlobMatcher(['src\\a'], true).unreadable).toHaveLength(1);
    expect(allows('src\\a', 'src/a')).toBe(false);
    expect(allows('src\\a', 'src\\a')).toBe(true);
  });
});

test('createGlobMatcher: a run of version 1 keeps the language of its time', () => {
  const old = (glob: string, path: string) => createGlobMatcher([glob], true, 1).match(path) !== undefined;
  expect(old('src/secret', 'src/secret/k.txt')).toBe(false);
  expect(old('*.pem', 'certs/a.pem')).toBe(false);
  expect(old('app/(auth)/**', 'app/auth/x')).toBe(false);
  expect(createGlobMatcher(['src\\a'], true, 1).unreadable).toEqual([]);
});
