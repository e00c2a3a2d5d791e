import { expect, test } from 'vitest';
import type { GateOutputs } from '../../../src/contracts/answers/gate-outputs.js';
import { RULES_VERSION } from '../../../src/contracts/run/rules-version.js';
import { judgePlan, type PlanTerms, plannedFiles } from '../../../src/rules/outputs/gate-outputs.js';
import { createScopeJudgement } from '../../../src/rules/paths/scope-matching.js';

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
  rollback: { steps: ['Revert the commit.'], irreversible: [] },
  security_impact: { level: 'none', statement: 'It computes with numbers alone.' },
  ...parts,
});
const scope = createScopeJudgement(
  [
    { allow: ['**'], deny: [] },
    { allow: ['src/**'], deny: [] },
  ],
  ['src/check/**'],
);
const criteria = [{ id: 'AC1', text: 'No cent is lost.' }];
const heldTo: PlanTerms = {
  scope,
  criteria,
  agent_files: [],
  inventory: [],
  plan_statements: 'block',
  rules_version: RULES_VERSION,
};
const naming = (files: readonly string[], more: Partial<PlanTerms> = {}) =>
  judgePlan(plan({ components: [{ name: 'split', responsibility: 'Splits.', files: [...files] }] }), {
    ...heldTo,
    ...more,
  });

test('plannedFiles: names each file once', () => {
  expect(plannedFiles(plan())).toEqual(['src/split.js']);
});

test('judgePlan: a plan inside every scope without open questions passes', () => {
  expect(judgePlan(plan(), heldTo)).toEqual([]);
});

test.each([['test/split.js'], ['src/check/run.js']])('judgePlan: %s is out of scope or protected', (path) => {
  expect(naming(['src/split.js', path])).toMatchObject([
    { rule: 'plan_scope', severity: 'high', blocking: true, path },
  ]);
});

test('judgePlan: each open question blocks and escalates', () => {
  const questions = [
    { id: 'Q1', question: 'Who pays the rest?' },
    { id: 'Q2', question: 'What of no people?' },
  ];
  expect(judgePlan(plan({ open_questions: questions }), heldTo)).toMatchObject([
    {
      rule: 'open_questions',
      blocking: true,
      escalates: 'open_question',
      message: 'Open question Q1: Who pays the rest?',
    },
    { rule: 'open_questions', blocking: true, escalates: 'open_question' },
  ]);
});

test('judgePlan: a planned file that steers agents is reported and does not block, unless the policy allows it', () => {
  const files = ['src/split.js', 'src/CLAUDE.md'];
  expect(naming(files)).toMatchObject([
    {
      rule: 'plan_agent_files',
      severity: 'high',
      blocking: false,
      path: 'src/CLAUDE.md',
      message: expect.stringContaining('P05 will refuse'),
    },
  ]);
  expect(naming(files, { agent_files: ['src/CLAUDE.md'] })).toEqual([]);
  expect(naming(files, { rules_version: 2 })).toEqual([]);
});

test('judgePlan: a planned file behind a link that steers agents is reported', () => {
  const inventory = [{ path: 'CLAUDE.md', sha256: '0'.repeat(64), leads_to: ['src/notes.md'] }];
  expect(naming(['src/notes.md'], { inventory })).toMatchObject([{ rule: 'plan_agent_files', path: 'src/notes.md' }]);
});

test('judgePlan: criteria that the job does not have are reported once a component, and do not block', () => {
  const components = [
    { name: 'split', responsibility: 'Splits.', files: ['src/split.js'], criteria: ['AC1', 'AC7', 'AC7'] },
    { name: 'round', responsibility: 'Rounds.', files: ['src/round.js'], criteria: ['AC7', 'AC9'] },
    { name: 'old', responsibility: 'Does not say.', files: ['src/old.js'] },
  ];
  const found = judgePlan(plan({ components }), heldTo);
  expect(found).toMatchObject(
    [
      ['split', 'AC7'],
      ['round', 'AC7'],
      ['round', 'AC9'],
    ].map(([name, id]) => ({
      rule: 'plan_criteria',
      severity: 'medium',
      blocking: false,
      message: `The component "${name}" of the plan serves criterion ${id}, which the job does not have.`,
    })),
  );
  expect(judgePlan(plan({ components }), { ...heldTo, rules_version: 3 })).toEqual([]);
});
