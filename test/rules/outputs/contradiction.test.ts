import { expect, test } from 'vitest';
import type { CheckResult } from '../../../src/contracts/answers/gate-outputs.js';
import { judgeContradiction } from '../../../src/rules/outputs/judge-contradiction.js';
import { isWaivable } from '../../../src/rules/waivable.js';
import { exampleOutputs } from '../../support/gate-outputs.js';

const check = (name: string, status: CheckResult['status']): CheckResult => ({
  ...{ name, argv: ['npm', 'test'], status, exit_code: status === 'passed' ? 0 : 1, signal: null },
  ...{ duration_ms: 1, stdout_sha256: '', stdout_bytes: 0, stderr_sha256: '', stderr_bytes: 0 },
});
const criteria = [
  { id: 'AC1', text: 'The parts add up.', check: 'unit' },
  { id: 'AC2', text: 'It is documented.' },
];
const met = criteria.map(({ id }) => ({ id, met: true, evidence: 'Seen.' }));
const output = { ...exampleOutputs().P06, verdict: 'pass' as const, criteria: met };
const results = [check('lint', 'passed'), check('unit', 'failed'), check('slow', 'timed_out')];

test('verifier_contradicted: a pass against a failed check blocks, and so does each criterion that the check proves', () => {
  expect(judgeContradiction(criteria, output, results, 3)).toMatchObject([
    {
      rule: 'verifier_contradicted',
      severity: 'high',
      blocking: true,
      message:
        "The verifier's verdict is pass; the engine saw that the check unit failed, and 1 other check did not pass.",
    },
    {
      blocking: true,
      message: 'The verifier says that criterion AC1 is met; the engine saw that the check unit failed.',
    },
  ]);
});

test('verifier_contradicted: a verifier that fails the change and its criterion is not contradicted', () => {
  const unmet = met.map((entry) => ({ ...entry, met: entry.id !== 'AC1' }));
  expect(judgeContradiction(criteria, { ...output, verdict: 'fail', criteria: unmet }, results, 3)).toEqual([]);
});

test('verifier_contradicted: nothing is found where every check passed, and in runs of version 2', () => {
  expect(judgeContradiction(criteria, output, [check('unit', 'passed')], 3)).toEqual([]);
  expect(judgeContradiction(criteria, output, results, 2)).toEqual([]);
});

test('verifier_contradicted: is waivable where the rule checks is, and by its own name', () => {
  expect(isWaivable('verifier_contradicted', ['checks'], 3)).toBe(true);
  expect(isWaivable('verifier_contradicted', ['verifier_contradicted'], 3)).toBe(true);
  expect(isWaivable('verifier_contradicted', ['verifier'], 3)).toBe(false);
  expect(isWaivable('verifier', ['checks'], 3)).toBe(false);
});
