import fc from 'fast-check';
import { expect, test } from 'vitest';
import { addedTo, fileChanges, removedFrom } from '../../../src/rules/patch/file-changes.js';
import { writtenPatch } from '../written-patches.js';

const all = [() => Number.POSITIVE_INFINITY];

test('fileChanges: gives the lines of each side with their numbers, and those around them by hunk', () => {
  const { patch } = writtenPatch({ 'a.ts': { hunks: [[' a', '-b', '+c\r', ' d'], ['+e']] } });
  const [change] = fileChanges(patch, all);
  expect(change?.hunks).toEqual([
    [
      { sign: ' ', line: 1, text: 'a' },
      { sign: '-', line: 2, text: 'b' },
      { sign: '+', line: 2, text: 'c\r' },
      { sign: ' ', line: 3, text: 'd' },
    ],
    [{ sign: '+', line: 101, text: 'e' }],
  ]);
  expect(change && removedFrom(change)).toEqual([{ line: 2, text: 'b' }]);
  expect(change && addedTo(change)).toEqual([
    { line: 2, text: 'c' },
    { line: 101, text: 'e' },
  ]);
});

test('fileChanges: keeps only what a rule reads, and nothing of links', () => {
  const { patch } = writtenPatch({ 'a.ts': ['-a', '+b', ' c'], 'b.ts': ['+d'] });
  const kept = fileChanges(patch, [(path) => (path === 'a.ts' ? 1 : 0)]);
  expect(kept.map(({ hunks }) => hunks.flat().map(({ text }) => text))).toEqual([['a', 'b'], []]);
  const files = patch.files.map((file) => ({ ...file, new_mode: '120000' }));
  expect(fileChanges({ ...patch, files }, all).flatMap(({ hunks }) => hunks.flat())).toEqual([]);
});

test('fileChanges: a long line is cut, and every added line of the patch is given', () => {
  const line = fc.string({ unit: fc.constantFrom('a', 'é', ' ', '"', '+', '-', '@') });
  fc.assert(
    fc.property(fc.array(fc.tuple(fc.constantFrom('+', '-', ' '), line), { minLength: 1 }), (lines) => {
      const { patch } = writtenPatch({ 'a.ts': lines.map(([sign, text]) => `${sign}${text}`) });
      const given = fileChanges(patch, all).flatMap(addedTo);
      expect(given).toEqual(patch.added_lines.map(({ line: number, text }) => ({ line: number, text })));
    }),
  );
  const { patch } = writtenPatch({ 'a.ts': [`+${'x'.repeat(50_000)}`] });
  expect(fileChanges(patch, all)[0]?.hunks[0]?.[0]?.text).toHaveLength(20_000);
});
