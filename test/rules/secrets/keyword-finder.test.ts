import fc from 'fast-check';
import { expect, test } from 'vitest';
import { keywordFinder } from '../../../src/rules/secrets/find-secrets.js';

const WORDS = ['.', 'sk', 'aws', 'awse', 'é', 'ab', 'ba', 'aa', '://', 'aws'];

test('keywordFinder: finds what a search for each word finds', () => {
  const find = keywordFinder(WORDS);
  const text = fc.string({ unit: fc.constantFrom('a', 'b', 'w', 's', 'e', 'k', '.', ':', '/', 'é', '\u{1f600}', ' ') });
  fc.assert(
    fc.property(text, (some) => {
      const expected = new Set(WORDS.filter((word) => some.includes(word)));
      expect(find(some)).toEqual(expected);
    }),
  );
});

test('keywordFinder: a text is not remembered', () => {
  const find = keywordFinder(WORDS);
  expect([...find('aws')]).toEqual(['aws']);
  expect([...find('')]).toEqual([]);
  expect([...find('sk')]).toEqual(['sk']);
});
