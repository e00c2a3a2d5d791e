import { expect, test } from 'vitest';
import type { CheckResult } from '../../../src/contracts/answers/gate-outputs.js';
import { claimIn, judgeClaims } from '../../../src/rules/outputs/judge-claims.js';
import { exampleOutputs } from '../../support/gate-outputs.js';

const { P05, P06, P07 } = exampleOutputs();
const check = (status: CheckResult['status']): CheckResult => ({
  ...{ name: 'tests', argv: ['npm', 'test'], status, exit_code: status === 'passed' ? 0 : 1, signal: null },
  ...{ duration_ms: 1, stdout_sha256: '', stdout_bytes: 0, stderr_sha256: '', stderr_bytes: 0 },
});

test.each([
  'All tests pass.',
  'I ran the test suite and everything is green; all 12 tests passed.',
  'The unit tests are green.',
  'Ran all the tests.',
  '42 passed',
  'The build succeeded.',
])('claimIn: %j says that tests passed', (text) => {
  expect(claimIn(text)).not.toBeNull();
});

test.each([
  'All met.',
  'The tests.',
  'Tests were not run.',
  'I cannot say that all tests pass.',
  'The tests should pass.',
  'I could not run the tests; once they pass, merge.',
  'One test fails.',
  'Adds a test that the parser passes a list.',
  'A test for the empty list was added.',
])('claimIn: %j does not', (text) => {
  expect(claimIn(text)).toBeNull();
});

test('claims: each role that says so against a failed check is named, with its words', () => {
  const failed = [check('passed'), check('failed')];
  const said = 'All tests pass.';
  expect(judgeClaims('P05', { ...P05, notes: [said] }, failed, 2)).toMatchObject([
    {
      rule: 'claims',
      severity: 'high',
      blocking: false,
      message: 'The writer says "All tests pass."; the engine saw that the check tests failed.',
    },
  ]);
  const met = { id: 'AC1', met: true, evidence: said };
  expect(judgeClaims('P06', { ...P06, criteria: [met] }, failed, 2)).toHaveLength(1);
  expect(judgeClaims('P06', { ...P06, criteria: [{ ...met, met: false }] }, failed, 2)).toEqual([]);
  expect(judgeClaims('P07', { ...P07, summary: said }, failed, 2)).toHaveLength(1);
});

test('claims: where no check ran there is nothing to claim', () => {
  expect(judgeClaims('P05', { ...P05, summary: 'All tests pass.' }, [], 2)).toMatchObject([
    { message: 'The writer says "All tests pass."; the engine ran no check.' },
  ]);
});

test('claims: with checks that passed, without a claim, and in version 1 nothing is found', () => {
  const summary = 'All tests pass.';
  expect(judgeClaims('P05', { ...P05, summary }, [check('passed')], 2)).toEqual([]);
  expect(judgeClaims('P05', P05, [check('failed')], 2)).toEqual([]);
  expect(judgeClaims('P05', { ...P05, summary }, [check('failed')], 1)).toEqual([]);
});

test('claimIn: the time grows with the length of the text alone', () => {
  for (const part of ['tests a b c d ', 'ran the all ', '1 of 1 ', 'suite. ']) {
    const started = performance.now();
    claimIn(part.repeat(100_000));
    expect(performance.now() - started).toBeLessThan(1_000);
  }
});
