import { expect, test } from 'vitest';
import { nearestName, suggestName } from '../../src/contracts/sentences.js';

test.each([
  ['integratr', ['integrator', 'writer'], 'integrator'],
  ['polciy', ['policy', 'police'], 'policy'],
  ['P0', ['P00', 'P01'], 'P00'],
  ['p03', ['P00', 'P03'], 'P03'],
])('nearestName: %s among %j is %s', (given, known, nearest) => {
  expect(nearestName(given, known)).toBe(nearest);
});

test('nearestName: null, when nothing is near or the name is no typing error', () => {
  expect(nearestName('banana', ['writer', 'verifier'])).toBeNull();
  expect(nearestName('x'.repeat(5_000), ['x'.repeat(4_999)])).toBeNull();
  expect(nearestName('a', ['b'])).toBeNull();
});

test('suggestName: a sentence or nothing', () => {
  expect(suggestName('tets', ['tests'])).toBe(' Did you mean "tests"?');
  expect(suggestName('banana', ['tests'])).toBe('');
});
