import { expect, test } from 'vitest';
import type { CheckBaseline, CheckResult } from '../../../src/contracts/answers/gate-outputs.js';
import { judgeChecks } from '../../../src/rules/attempts/observations.js';

const result = (parts: Partial<CheckResult>): CheckResult => ({
  name: 'tests',
  argv: ['npm', 'test'],
  status: 'failed',
  exit_code: 1,
  signal: null,
  duration_ms: 1,
  stdout_sha256: '0'.repeat(64),
  stdout_bytes: 0,
  stderr_sha256: '0'.repeat(64),
  stderr_bytes: 0,
  ...parts,
});
const baseline = (parts: Partial<CheckBaseline>): CheckBaseline => ({
  status: 'passed',
  exit_code: 0,
  tests: null,
  ...parts,
});

test.each<[string, CheckBaseline | undefined, string]>([
  ['without a baseline', undefined, ''],
  ['that passes on the base commit', baseline({}), ' It passes on the base commit, so the patch broke it.'],
  [
    'that fails there too',
    baseline({ status: 'failed', exit_code: 2 }),
    ' It fails on the base commit too, without the patch (exit code 2).',
  ],
  [
    'that does not end there',
    baseline({ status: 'timed_out', exit_code: null, reason: 'it ran longer than 5 s' }),
    ' On the base commit it timed out (it ran longer than 5 s), so it is not known whether the patch broke it.',
  ],
])('judgeChecks: a failed check %s', (_, compared, sentence) => {
  const findings = judgeChecks([result(compared === undefined ? {} : { baseline: compared })]);
  expect(findings).toEqual([
    { rule: 'checks', severity: 'high', blocking: true, message: `The check tests failed: exit code 1.${sentence}` },
  ]);
});

test('judgeChecks: only of a passed check the missing counts of the base commit are a finding', () => {
  const passed = result({ status: 'passed', exit_code: 0, baseline: baseline({}) });
  expect(judgeChecks([passed])).toMatchObject([{ severity: 'high', blocking: false }]);
});
