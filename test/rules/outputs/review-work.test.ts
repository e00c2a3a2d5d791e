import { expect, test } from 'vitest';
import { judgeReviewWork } from '../../../src/rules/outputs/judge-review-work.js';
import { exampleOutputs } from '../../support/gate-outputs.js';

const { P07 } = exampleOutputs();
const paths = ['src/split.js', 'test/split.test.js'];

test.each([['none'], ['N/A'], ['-'], ['Nothing to report.'], ['LGTM!']])(
  'review_work: a review whose only attack is %j blocks',
  (attack) => {
    expect(judgeReviewWork({ ...P07, attacks: [attack, 'n/a'] }, paths, 3)).toMatchObject([
      { rule: 'review_work', blocking: true },
    ]);
  },
);

test('review_work: a review that names no file of the patch is reported', () => {
  expect(judgeReviewWork({ ...P07, summary: 'Fine.', attacks: ['odd totals'], findings: [] }, paths, 3)).toMatchObject([
    { rule: 'review_work', severity: 'medium', blocking: false },
  ]);
});

test.each([
  ['in its summary', { summary: 'Read split.test.js.' }],
  ['in an attack', { attacks: ['an empty list in src/split.js'] }],
  [
    'in a finding',
    { findings: [{ severity: 'low' as const, title: 'Slow', detail: 'It is slow.', path: 'src/split.js' }] },
  ],
])('review_work: a review that names a file of the patch %s is fine', (_, more) => {
  const silent = { ...P07, summary: 'Fine.', attacks: ['odd totals'], findings: [] };
  expect(judgeReviewWork({ ...silent, ...more }, paths, 3)).toEqual([]);
});

test('review_work: runs of version 2 are not judged', () => {
  expect(judgeReviewWork({ ...P07, attacks: ['none'] }, paths, 2)).toEqual([]);
});
