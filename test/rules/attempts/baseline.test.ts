import { expect, test } from 'vitest';
import type { BaselineCheck, CheckResult } from '../../../src/contracts/answers/gate-outputs.js';
import { judgeBaseline, judgeBothBaselines } from '../../../src/rules/attempts/observations.js';

const before = (parts: Partial<BaselineCheck>): BaselineCheck => ({
  name: 'tests',
  argv: ['npm', 'test'],
  status: 'passed',
  exit_code: 0,
  tests: null,
  stdout_tail: '',
  stderr_tail: '',
  ...parts,
});
const failed = before({ status: 'failed', exit_code: 2 });
const timedOut = before({ status: 'timed_out', exit_code: null, reason: 'It was stopped: it ran longer than 1 s.' });
const notStarted = before({ status: 'not_started', exit_code: null, reason: 'npm does not exist (ENOENT)' });

test('baseline: a check that passes is no finding, whatever the policy says', () => {
  for (const policy of ['block', 'note', 'off'] as const) expect(judgeBaseline(policy, [before({})])).toEqual([]);
});

test.each([
  [failed, 'medium', 'The check tests failed on the base commit, before any change: exit code 2.'],
  [
    timedOut,
    'medium',
    'The check tests timed out on the base commit, before any change: It was stopped: it ran longer than 1 s.',
  ],
  [notStarted, 'low', 'Whether the check tests passes on the base commit is not known: npm does not exist (ENOENT).'],
] as const)('baseline: $status is noted, blocks, or is left alone', (check, severity, message) => {
  expect(judgeBaseline('note', [check])).toEqual([{ rule: 'baseline', severity, blocking: false, message }]);
  expect(judgeBaseline('block', [check])).toEqual([
    { rule: 'baseline', severity: 'high', blocking: true, message: expect.stringContaining(message) },
  ]);
  expect(judgeBaseline('off', [check])).toEqual([]);
});

test('baseline: what two workers saw differently of one commit is a finding, and nothing else is', () => {
  const result = (baseline?: CheckResult['baseline']) => [{ name: 'tests', baseline } as CheckResult];
  const passed = { status: 'passed', exit_code: 0, tests: null } as const;
  expect(judgeBothBaselines(result(passed), [failed])).toMatchObject([
    { rule: 'baseline', severity: 'medium', blocking: false },
  ]);
  expect(judgeBothBaselines(result(passed), [before({})])).toEqual([]);
  expect(judgeBothBaselines(result(passed), [timedOut])).toEqual([]);
  expect(judgeBothBaselines(result(passed), [])).toEqual([]);
  expect(judgeBothBaselines(result(), [failed])).toEqual([]);
});
