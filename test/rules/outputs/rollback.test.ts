import { expect, test } from 'vitest';
import { GATE_ANSWER_SCHEMAS } from '../../../src/contracts/answers/gate-outputs.js';
import { readAnswer } from '../../../src/contracts/answers/read-answer.js';
import { RULES_VERSION } from '../../../src/contracts/run/rules-version.js';
import { judgeRollback, judgeStatements } from '../../../src/rules/outputs/judge-rollback.js';
import { renderPlan } from '../../../src/rules/outputs/published-output.js';
import { exampleOutputs } from '../../support/gate-outputs.js';

const plan = exampleOutputs().P03;
const { rollback: _, security_impact: __, ...older } = plan;
const [base, patched] = ['1'.repeat(40), '2'.repeat(40)];
const proof = { base_tree: base, patched_tree: patched, restored_tree: base };
const messages = (...args: Parameters<typeof judgeRollback>) => judgeRollback(...args).map(({ message }) => message);
/** What a plan without the two says. */
const UNSAID = [
  'The plan does not say how the change is taken back (rollback).',
  'The plan does not say what it means for security (security_impact).',
];

test('judgeRollback: a patch that gives back the base tree has no finding', () => {
  expect(judgeRollback(proof, plan, RULES_VERSION)).toEqual([]);
  expect(judgeRollback(proof, older, RULES_VERSION)).toEqual([]);
  expect(judgeRollback(proof, null, RULES_VERSION)).toEqual([]);
});

test('judgeRollback: a run of version 2 whose prompts did not ask for the two statements passes P06 without them', () => {
  expect(judgeRollback(proof, older, 2)).toEqual([]);
});

test('judgeRollback: in version 3, a plan without its two statements is refused at P06', () => {
  expect(messages(proof, older, 3)).toEqual(UNSAID);
  expect(judgeRollback(proof, older, 3)).toMatchObject([{ blocking: true }, { blocking: true }]);
});

test.each([
  ['note', { severity: 'medium', blocking: false }],
  ['block', { blocking: true }],
] as const)('judgeStatements: with %s, each statement that a plan lacks is a finding', (plan_statements, effect) => {
  const found = judgeStatements(older, { plan_statements, rules_version: RULES_VERSION });
  expect(found.map(({ message }) => message)).toEqual(UNSAID);
  expect(found).toMatchObject([
    { rule: 'rollback', ...effect },
    { rule: 'rollback', ...effect },
  ]);
  expect(judgeStatements(plan, { plan_statements, rules_version: RULES_VERSION })).toEqual([]);
  expect(judgeStatements(older, { plan_statements, rules_version: 3 })).toEqual([]);
});

test('rollback: another tree, or a reverse patch that does not apply, is refused', () => {
  expect(messages({ ...proof, restored_tree: patched }, plan, RULES_VERSION)).toEqual([
    expect.stringContaining(`gives the tree ${patched}`),
  ]);
  expect(messages({ ...proof, restored_tree: null, reason: 'binary patch' }, plan, RULES_VERSION)).toEqual([
    expect.stringContaining('does not apply to the patched tree: binary patch.'),
  ]);
  expect(judgeRollback({ ...proof, restored_tree: null }, plan, RULES_VERSION)).toMatchObject([
    { rule: 'rollback', blocking: true },
  ]);
});

test('rollback: without a proof, as in runs of earlier releases, nothing is judged', () => {
  expect(judgeRollback(undefined, older, 3)).toEqual([]);
});

test('the plan of an answer is asked for with rollback and security_impact; one that lacks them is read, and then judged', () => {
  expect(readAnswer('P03', JSON.stringify({ kind: 'output', ...older }))).toMatchObject({ kind: 'output' });
  expect(GATE_ANSWER_SCHEMAS.P03.safeParse(older).success).toBe(false);
  expect(GATE_ANSWER_SCHEMAS.P03.safeParse(plan).success).toBe(true);
});

test('plan.md: has the steps, what they do not undo, and the impact; an older plan has none of it', () => {
  const text = renderPlan({
    ...plan,
    rollback: { steps: ['Revert the commit.', 'Release.'], irreversible: ['Mails that were sent.'] },
    security_impact: { level: 'low', statement: 'It reads one more header.' },
  });
  expect(text).toContain('## Rollback\n\n1. Revert the commit.\n2. Release.\n');
  expect(text).toContain('## What a rollback does not undo\n\n- Mails that were sent.\n');
  expect(text).toContain('## Security impact\n\nLevel: **low**.\n\nIt reads one more header.\n');
  expect(renderPlan(older)).not.toMatch(/Rollback|Security/);
});
