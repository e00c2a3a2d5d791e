import { expect, test } from 'vitest';
import type { GateOutputs } from '../../src/contracts/gate-outputs.js';
import { judgePlan, plannedFiles } from '../../src/rules/gate-outputs.js';
import { createScopeJudgement } from '../../src/rules/scope-matching.js';

const plan = (parts: Partial<GateOutputs['P03']> = {}): GateOutputs['P03'] => ({
  summary: 'Round down, hand out the rest.',
  components: [{ name: 'split', responsibility: 'Splits.', files: ['src/split.js', 'src/split.js'] }],
  interfaces: [],
  data_flow: 'total, people → parts',
  alternatives: [
    { name: 'floats', description: 'Use floats.', rejected_because: 'They lose cents.' },
    { name: 'last pays', description: 'The last one pays.', rejected_because: 'Unfair.' },
  ],
  risks: [],
  open_questions: [],
  ...parts,
});
const scope = createScopeJudgement(
  [
    { allow: ['**'], deny: [] },
    { allow: ['src/**'], deny: [] },
  ],
  ['src/check/**'],
);
const naming = (...files: string[]) =>
  judgePlan(plan({ components: [{ name: 'split', responsibility: 'Splits.', files }] }), scope);

test('plannedFiles: names each file once', () => {
  expect(plannedFiles(plan())).toEqual(['src/split.js']);
});

test('judgePlan: a plan inside every scope without open questions passes', () => {
  expect(judgePlan(plan(), scope)).toEqual([]);
});

test.each([['test/split.js'], ['src/check/run.js']])('judgePlan: %s is out of scope or protected', (path) => {
  expect(naming('src/split.js', path)).toMatchObject([{ rule: 'plan_scope', severity: 'high', blocking: true, path }]);
});

test('judgePlan: each open question blocks and escalates', () => {
  const questions = [
    { id: 'Q1', question: 'Who pays the rest?' },
    { id: 'Q2', question: 'What of no people?' },
  ];
  expect(judgePlan(plan({ open_questions: questions }), scope)).toMatchObject([
    {
      rule: 'open_questions',
      blocking: true,
      escalates: 'open_question',
      message: 'Open question Q1: Who pays the rest?',
    },
    { rule: 'open_questions', blocking: true, escalates: 'open_question' },
  ]);
});
