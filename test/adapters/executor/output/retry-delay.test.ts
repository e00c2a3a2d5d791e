import { expect, test } from 'vitest';
import { readDelay } from '../../../../src/adapters/executor/output/retry-delay.js';

const NOW = Date.parse('2026-03-04T05:06:07.000Z');

test.each([
  [7, 7_000],
  [0, 0],
  [1.5, 1_500],
  ['12', 12_000],
  ['12.5', 12_500],
  ['20ms', 20],
  ['20 ms', 20],
  ['22s', 22_000],
  ['6m0s', 360_000],
  ['1h 2m 3s', 3_723_000],
  ['2026-03-04T05:07:07Z', 60_000],
  ['Wed, 04 Mar 2026 05:06:37 GMT', 30_000],
  [NOW / 1_000 + 90, 90_000],
  [String(NOW / 1_000 + 90), 90_000],
  [NOW + 90_000, 90_000],
])('readDelay: reads %j', (value, delay) => {
  expect(readDelay(value, NOW)).toBe(delay);
});

test.each(['2026-03-04T05:00:00Z', NOW / 1_000 - 60])('readDelay: an instant in the past, %j, is no delay', (value) => {
  expect(readDelay(value, NOW)).toBe(0);
});

test.each([
  'soon',
  '',
  '-3',
  '3 fortnights',
  '1e9',
  'Infinity',
  Number.NaN,
  Number.POSITIVE_INFINITY,
  null,
  {},
  true,
  'May 1',
  `${'1s'.repeat(40)}`,
])('readDelay: %j is no delay', (value) => {
  expect(readDelay(value, NOW)).toBeNull();
});
