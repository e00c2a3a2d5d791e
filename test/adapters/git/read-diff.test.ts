import { expect, test } from 'vitest';
import { readRawDiff } from '../../../src/adapters/git/read-diff.js';
import { gitWords } from '../../../src/adapters/git/run-git.js';
import { unquotePath } from '../../../src/rules/paths/path-names.js';

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
