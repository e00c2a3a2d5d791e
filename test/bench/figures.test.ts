import { expect, test } from 'vitest';
import { median, missedGoals, ratio, renderTable, type Table } from '../../bench/figures.js';

const TABLE: Table = {
  title: 'Runs',
  columns: ['governed', 'fair', 'governed / fair'],
  rows: [
    {
      name: 'fine',
      values: { governed: 45, fair: 90, 'governed / fair': 0.5 },
      goals: [{ of: ['governed'], most: 90 }],
    },
    { name: 'over', values: { governed: 91, fair: 91 }, goals: [{ of: ['governed', 'fair'], most: 90 }] },
    { name: 'under', values: { 'governed / fair': 0.74 }, goals: [{ of: ['governed / fair'], least: 0.75 }] },
    { name: 'lost', values: { governed: null }, goals: [{ of: ['governed'], most: 1_200 }] },
    {
      name: 'two',
      values: { governed: 1, fair: 2 },
      goals: [
        { of: ['governed'], most: 1 },
        { of: ['fair'], most: 2 },
      ],
    },
    { name: 'free', values: { fair: 12_345.6 } },
  ],
};

test('missedGoals: names each figure over or under its goal, and each that was not measured', () => {
  expect(missedGoals([TABLE])).toEqual([
    'Runs: over (governed): 91, expected ≤ 90',
    'Runs: over (fair): 91, expected ≤ 90',
    'Runs: under (governed / fair): 0.74, expected ≥ 0.75',
    'Runs: lost (governed): not measured, expected ≤ 1,200',
  ]);
});

test('renderTable: a Markdown table with a column of goals', () => {
  expect(renderTable(TABLE).split('\n')).toEqual([
    '### Runs',
    '',
    '|  | governed | fair | governed / fair | goal |',
    '| --- | ---: | ---: | ---: | ---: |',
    '| fine | 45 | 90 | 0.50 | ≤ 90 |',
    '| over | 91 | 91 |  | ≤ 90 |',
    '| under |  |  | 0.74 | ≥ 0.75 |',
    '| lost |  |  |  | ≤ 1,200 |',
    '| two | 1 | 2 |  | governed ≤ 1; fair ≤ 2 |',
    '| free |  | 12,346 |  |  |',
  ]);
});

test('renderTable: no column of goals where no row has one', () => {
  const rows = [{ name: 'free', values: { fair: 1 } }];
  expect(renderTable({ title: 'Free', columns: ['fair'], rows })).toContain(
    '|  | fair |\n| --- | ---: |\n| free | 1 |',
  );
});

test('median: the middle, the mean of two, and null of nothing', () => {
  expect([median([3, 1, 2]), median([4, 1, 2, 3]), median([])]).toEqual([2, 2.5, null]);
});

test('ratio: null where a value is missing or the divisor is zero', () => {
  expect([ratio(1, 2), ratio(null, 2), ratio(1, undefined), ratio(1, 0)]).toEqual([0.5, null, null, null]);
});
