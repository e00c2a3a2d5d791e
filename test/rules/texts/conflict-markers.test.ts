import { expect, test } from 'vitest';
import { PATCH_RULES } from '../../../src/rules/patch-rules.js';
import { changed, judged } from '../patches.js';

const judge = (texts: readonly string[], rules_version = 2) => {
  const lines = texts.map((text, at) => ({ path: 'a.md', line: at + 1, text }));
  return PATCH_RULES.conflict_markers.judge(judged([changed('a.md')], { lines, rules_version }));
};

test.each([
  ['a whole conflict', ['x', '<<<<<<< HEAD', 'a', '=======', 'b', '>>>>>>> topic'], 2],
  ['its first marker alone', ['<<<<<<< ours'], 1],
  ['its second half', ['=======', 'b', '>>>>>>> 1a2b3c4 (message)'], 3],
  ['a conflict with the base, in a file of Windows', ['||||||| base\r', '=======\r', '>>>>>>> topic\r'], 3],
])('conflict_markers: %s is refused once, at its line', (_, texts, line) => {
  expect(judge(texts)).toMatchObject([{ severity: 'high', blocking: true, path: 'a.md', line }]);
});

test.each([
  ['a heading', ['Title', '=======']],
  ['a quoted mail', ['>>>>>>> he wrote']],
  ['an arrow in text', ['see <<<<<<< HEAD']],
  ['markers of another length', ['<<<<<<<< HEAD', '<<<<<< HEAD']],
  ['no name behind the marker', ['<<<<<<<']],
])('conflict_markers: %s is fine', (_, texts) => {
  expect(judge(texts)).toEqual([]);
});

test('conflict_markers: runs that pinned version 1 are not judged by it', () => {
  expect(judge(['<<<<<<< HEAD'], 1)).toEqual([]);
});
