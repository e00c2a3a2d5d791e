import { expect, test } from 'vitest';
import { addedTexts } from '../../../src/rules/patch/patch-lines.js';

test('addedTexts: lines keep their numbers, gaps are empty, files stay apart', () => {
  const added_lines = [
    { path: 'a', line: 2, text: 'two' },
    { path: 'b', line: 1, text: 'one' },
    { path: 'a', line: 4, text: 'fo\rur' },
  ];
  expect(addedTexts({ bytes: new Uint8Array(), files: [], added_lines })).toEqual([
    { path: 'a', text: '\ntwo\n\nfo ur' },
    { path: 'b', text: 'one' },
  ]);
});
