import { describe, expect, test } from 'vitest';
import { spentSchema } from '../../../src/contracts/run/budget.js';
import { priceOf, withCost } from '../../../src/rules/attempts/price-usage.js';
import { spentByAttempt } from '../../../src/rules/attempts/spent.js';

const PRICES = {
  'gpt-5': { input: 1, output: 10 },
  'gpt-*': { input: 2, output: 20, cached_input: 0.5 },
  'gpt-5-mini*': { input: 0.25, output: 2 },
};

describe('priceOf', () => {
  test.each([
    ['gpt-5', 1],
    ['gpt-5-mini-2026-01-01', 0.25],
    ['GPT-4o', 2],
  ])('%s: the exact name, then the longest pattern that matches', (model, input) => {
    expect(priceOf(PRICES, model)?.input).toBe(input);
  });

  test.each(['claude-sonnet-4-5', 'agpt-4', 'toString', ''])('no price of %j', (model) => {
    expect(priceOf(PRICES, model)).toBeNull();
  });

  test('a pattern with many stars takes no time', () => {
    const began = performance.now();
    expect(priceOf({ [`${'a*'.repeat(100)}b`]: { input: 1, output: 1 } }, 'a'.repeat(200))).toBeNull();
    expect(performance.now() - began).toBeLessThan(200);
  });
});

describe('withCost', () => {
  test("the executor's own figure counts", () => {
    expect(withCost({ input_tokens: 1, output_tokens: 1, cost_usd: 0.5 }, 'gpt-5', PRICES)).toMatchObject({
      cost_usd: 0.5,
      cost_from: 'provider',
    });
  });

  test('else the price table gives it', () => {
    expect(withCost({ input_tokens: 1_000_000, output_tokens: 100_000 }, 'gpt-5', PRICES)).toMatchObject({
      cost_usd: 2,
      cost_from: 'prices',
    });
  });

  test('cached tokens have a price of their own, whether they are counted among the input or beside it', () => {
    const usage = { input_tokens: 1_000_000, output_tokens: 0, cached_tokens: 400_000 };
    expect(withCost(usage, 'gpt-4', PRICES).cost_usd).toBe(1.4);
    expect(withCost({ ...usage, cached_apart: true }, 'gpt-4', PRICES).cost_usd).toBe(2.2);
    expect(withCost(usage, 'gpt-5', PRICES).cost_usd).toBe(1);
  });

  test.each([
    ['an unknown model', { input_tokens: 1, output_tokens: 1 }, null],
    ['a model without a price', { input_tokens: 1, output_tokens: 1 }, 'llama'],
    ['one count of tokens alone', { input_tokens: 1 }, 'gpt-5'],
  ])('%s: the cost stays unknown', (_, usage, model) => {
    expect(withCost(usage, model, PRICES)).toEqual(usage);
  });
});

describe('spentByAttempt', () => {
  test('adds up tries and what left no record, and counts what is unknown', () => {
    const tries = [
      { duration_ms: 10, usage: { input_tokens: 5, output_tokens: 1, cached_tokens: 3, cached_apart: true as const } },
      { duration_ms: 20, usage: { output_tokens: 2, cost_usd: 0.1 } },
      { duration_ms: 30 },
    ];
    const unrecorded = { tries: 1, tokens: 100, cost_usd: 0.2, wall_ms: 40, tokens_unknown: 0, cost_unknown: 0 };
    expect(spentByAttempt({ tries, unrecorded })).toEqual({
      ...{ tries: 4, tokens: 111, cost_usd: 0.3, wall_ms: 100 },
      ...{ tokens_unknown: 1, cost_unknown: 2 },
    });
  });
});

test('spentByAttempt: figures that no executor can have used are still numbers that every record takes', () => {
  const most = Number.MAX_SAFE_INTEGER;
  const usage = {
    input_tokens: most,
    output_tokens: most,
    cached_tokens: most,
    cached_apart: true,
    cost_usd: 1e308,
  } as const;
  const tries = [1, 2, 3].map(() => ({ duration_ms: most, usage }));
  const spent = spentByAttempt({ tries });
  expect(spentSchema.parse(JSON.parse(JSON.stringify(spent)))).toEqual(spent);
  expect(spent).toMatchObject({ tokens: 3e12, wall_ms: most, cost_usd: 3e6 });
  // Sums have not ended, so that what a later try uses is still counted.
  const more = { duration_ms: 1, usage: { input_tokens: 5, output_tokens: 5, cost_usd: 1 } };
  expect(spentByAttempt({ tries: [...tries, more] })).toMatchObject({ tokens: 3e12 + 10, cost_usd: 3e6 + 1 });
});
