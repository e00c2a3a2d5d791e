import assert from 'node:assert/strict';
import { test } from 'node:test';
import { splitBill } from '../src/split-bill.js';

const sum = (shares) => shares.reduce((total, share) => total + share, 0);

test('a bill that divides evenly is split evenly', () => {
  assert.deepEqual(splitBill(4000, 4), [1000, 1000, 1000, 1000]);
});

test('the shares add up to the total', () => {
  for (const [totalCents, people] of [
    [1000, 3],
    [2000, 3],
    [100, 7],
    [1, 2],
  ]) {
    assert.equal(sum(splitBill(totalCents, people)), totalCents, `${totalCents} cents between ${people} people`);
  }
});

test('no two shares differ by more than one cent', () => {
  const shares = splitBill(1001, 4);
  assert.ok(Math.max(...shares) - Math.min(...shares) <= 1, shares.join(', '));
});
