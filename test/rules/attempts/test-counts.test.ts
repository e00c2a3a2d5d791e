import { expect, test } from 'vitest';
import { judgeCounts } from '../../../src/rules/attempts/observations.js';

const counts = (passed: number, failed = 0, skipped = 0) => ({ executed: passed + failed, passed, failed, skipped });

test.each([
  ['no executed test', counts(0, 0, 3), null, 'its report counts no executed test'],
  ['fewer than on the base', counts(2), counts(3), 'it executed 2 tests; on the base commit it executes 3'],
  [
    'fewer because of skipped ones',
    counts(2, 0, 1),
    counts(3),
    'it executed 2 tests; on the base commit it executes 3',
  ],
  [
    'failed ones with exit code 0',
    counts(2, 1),
    counts(3),
    'its report counts 1 failed test, although it ended with exit code 0',
  ],
  ['as many as on the base', counts(3), counts(2, 1), null],
  ['some where the base has no counts', counts(1), null, null],
])('counts: %s', (_, tests, base, problem) => {
  expect(judgeCounts(tests, { tests: base })).toBe(problem);
});
