import { expect, test } from 'vitest';
import { oncePerText } from '../../src/contracts/remember.js';

test('oncePerText: computes once for each text, and again for the one that was not asked for longest', () => {
  const computed: string[] = [];
  const lengthOf = oncePerText(2, (text) => {
    computed.push(text);
    return text.length;
  });
  expect(['a', 'bb', 'a', 'ccc', 'a', 'bb'].map(lengthOf)).toEqual([1, 2, 1, 3, 1, 2]);
  expect(computed).toEqual(['a', 'bb', 'ccc', 'bb']);
});
