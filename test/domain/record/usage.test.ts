import { expect, test } from 'vitest';
import { totalUsage, usageInWords } from '../../../src/domain/record/usage.js';

test('totalUsage: adds up what the tries say, and says nothing where they do not', () => {
  const tries = [{ usage: { input_tokens: 5, cost_usd: 0.5 } }, {}, { usage: { input_tokens: 6, output_tokens: 1 } }];
  expect(totalUsage(tries)).toEqual({ input_tokens: 11, output_tokens: 1, cost_usd: 0.5 });
  expect(totalUsage([{}, {}])).toBeNull();
  expect(totalUsage([])).toBeNull();
});

test.each([
  [
    { input_tokens: 12_345, output_tokens: 678, cached_tokens: 2_000, cost_usd: 0.1234 },
    '12,345 tokens in (2,000 cached), 678 out, $0.12',
  ],
  [{ input_tokens: 7 }, '7 tokens in, cost unknown'],
  [{ cached_tokens: 7, cost_usd: 0.00123 }, '7 cached, $0.0012'],
  [{ output_tokens: 7, cost_usd: 0 }, '7 out, $0.00'],
  [{}, 'cost unknown'],
])('usageInWords: %j is "%s"', (usage, words) => {
  expect(usageInWords(usage)).toBe(words);
});
