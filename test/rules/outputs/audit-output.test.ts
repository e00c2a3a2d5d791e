import { describe, expect, test } from 'vitest';
import type { GateOutputs } from '../../../src/contracts/answers/gate-outputs.js';
import { RULES_VERSION } from '../../../src/contracts/run/rules-version.js';
import { judgeBuild, judgeReview, judgeVerification } from '../../../src/rules/outputs/gate-outputs.js';
import { clipText } from '../../../src/rules/outputs/judged-output.js';

const criteria = [
  { id: 'AC1', text: 'The tests pass.' },
  { id: 'AC2', text: 'The README says how.' },
];
const critical = {
  severity: 'critical' as const,
  title: 'Loses a cent',
  detail: '10 over 3.',
  path: 'src/a.js',
  line: 3,
};
const high = { ...critical, severity: 'high' as const };

test('judgeBuild: a criterion that is not addressed blocks', () => {
  const output = { summary: 'Done.', criteria: [{ id: 'AC1', how: 'By rounding.' }], notes: [] };
  expect(judgeBuild(criteria, output, RULES_VERSION)).toMatchObject([
    {
      rule: 'build',
      severity: 'high',
      blocking: true,
      message: 'Criterion AC2 is not addressed: "The README says how.".',
    },
  ]);
  const whole = { ...output, criteria: criteria.map(({ id }) => ({ id, how: 'So.' })) };
  expect(judgeBuild(criteria, whole, RULES_VERSION)).toEqual([]);
});

test('judgeBuild: a criterion that the job does not have is reported once, and does not block', () => {
  const ids = ['AC1', 'AC3', 'AC2', 'AC3'];
  const output = { summary: 'Done.', criteria: ids.map((id) => ({ id, how: 'So.' })), notes: [] };
  expect(judgeBuild(criteria, output, RULES_VERSION)).toMatchObject([
    { rule: 'build', severity: 'medium', blocking: false, message: expect.stringContaining('criterion AC3') },
  ]);
  expect(judgeBuild(criteria, output, 3)).toEqual([]);
});

describe('judgeVerification', () => {
  const verification = (parts: Partial<GateOutputs['P06']> = {}): GateOutputs['P06'] => ({
    verdict: 'pass',
    summary: 'All is well.',
    criteria: criteria.map(({ id }) => ({ id, met: true, evidence: 'The tests.' })),
    findings: [],
    ...parts,
  });

  test('a pass with every criterion met gives nothing', () => {
    expect(judgeVerification(criteria, verification())).toEqual([]);
  });

  test('a fail blocks', () => {
    expect(judgeVerification(criteria, verification({ verdict: 'fail' }))).toMatchObject([
      { rule: 'verifier', blocking: true, message: "The verifier's verdict is fail: All is well." },
    ]);
  });

  test('a pass that leaves a criterion out or calls one unmet blocks', () => {
    const [first] = verification().criteria;
    if (first === undefined) throw new Error('the example has criteria');
    expect(judgeVerification(criteria, verification({ criteria: [{ ...first, met: false }] }))).toMatchObject([
      { blocking: true, message: 'Criterion AC1 is not met: The tests.' },
      { blocking: true, message: 'The verifier says nothing of criterion AC2: "The README says how.".' },
    ]);
    expect(judgeVerification(criteria, verification({ criteria: [] }))).toHaveLength(2);
  });

  test.each([
    ['last', [true, false]],
    ['first', [false, true]],
  ])('a criterion that is judged twice is unmet when the %s entry says so', (_, judged) => {
    const twice = judged.map((met, index) => ({ id: 'AC1', met, evidence: `Entry ${index + 1}.` }));
    const rest = verification().criteria.filter(({ id }) => id !== 'AC1');
    expect(judgeVerification(criteria, verification({ criteria: [...twice, ...rest] }))).toMatchObject([
      { rule: 'verifier', blocking: true, message: `Criterion AC1 is not met: Entry ${judged.indexOf(false) + 1}.` },
    ]);
  });

  test('both entries of a criterion that call it unmet are kept', () => {
    const unmet = ['One.', 'Two.'].map((evidence) => ({ id: 'AC1', met: false, evidence }));
    const rest = verification().criteria.filter(({ id }) => id !== 'AC1');
    expect(judgeVerification(criteria, verification({ criteria: [...unmet, ...rest] }))).toHaveLength(2);
  });

  test('a high finding is reported, a critical one blocks and escalates', () => {
    expect(judgeVerification(criteria, verification({ findings: [high, critical] }))).toMatchObject([
      { rule: 'verifier', severity: 'high', blocking: false, path: 'src/a.js', line: 3 },
      { rule: 'verifier', severity: 'critical', blocking: true, escalates: 'critical_finding' },
    ]);
  });
});

describe('judgeReview', () => {
  const review = (parts: Partial<GateOutputs['P07']> = {}): GateOutputs['P07'] => ({
    verdict: 'pass',
    summary: 'Tried hard.',
    attacks: ['odd totals'],
    findings: [],
    ...parts,
  });

  test('zero findings is a legal review', () => {
    expect(judgeReview(review())).toEqual([]);
  });

  test('a fail without a blocking finding gets one', () => {
    expect(judgeReview(review({ verdict: 'fail', findings: [high] }))).toMatchObject([
      { rule: 'review', severity: 'high', blocking: false, message: 'Loses a cent: 10 over 3.' },
      { rule: 'review', severity: 'high', blocking: true, message: "The reviewer's verdict is fail: Tried hard." },
    ]);
  });

  test('a critical finding blocks and escalates whatever the verdict', () => {
    const findings = judgeReview(review({ findings: [critical] }));
    expect(findings).toMatchObject([{ severity: 'critical', blocking: true, escalates: 'critical_finding' }]);
    expect(judgeReview(review({ verdict: 'fail', findings: [critical] }))).toEqual(findings);
  });

  test('a message keeps within the contract', () => {
    const [finding] = judgeReview(review({ findings: [{ ...high, detail: 'x'.repeat(20_000) }] }));
    expect(finding?.message).toHaveLength(2_000);
  });
});

test('a finding: texts of a role are one printable line', () => {
  const forged = { ...high, title: 'Fine\n\u001b[2J', detail: 'a\u202eb', path: 'src/\u001b[1m.js' };
  const [finding] = judgeReview({ verdict: 'pass', summary: 's', attacks: ['a'], findings: [forged] });
  expect(finding).toMatchObject({ message: 'Fine \\u{1b}[2J: a\\u{202e}b', path: 'src/\\u{1b}[1m.js' });
});

test('clipText: never ends in half a character', () => {
  expect(clipText('abc', 3)).toBe('abc');
  expect(clipText('abcd', 3)).toBe('ab…');
  expect(clipText('a😀bcd', 3)).toBe('a…');
});
