import { expect, test } from 'vitest';
import { GATE_ANSWER_SCHEMAS, GATE_OUTPUT_SCHEMAS } from '../../../src/contracts/answers/gate-outputs.js';
import { readAnswer } from '../../../src/contracts/answers/read-answer.js';
import { judgeRollback } from '../../../src/rules/outputs/judge-rollback.js';
import { renderPlan } from '../../../src/rules/outputs/published-output.js';
import { exampleOutputs } from '../../support/gate-outputs.js';

const plan = exampleOutputs().P03;
const { rollback: _, security_impact: __, ...older } = plan;
const [base, patched] = ['1'.repeat(40), '2'.repeat(40)];
const proof = { base_tree: base, patched_tree: patched, restored_tree: base };
const messages = (...args: Parameters<typeof judgeRollback>) => judgeRollback(...args).map(({ message }) => message);

test('rollback: a patch that gives back the base tree, by a plan that says how, has no finding', () => {
  expect(judgeRollback(proof, plan)).toEqual([]);
  expect(judgeRollback(proof, null)).toEqual([]);
});

test('rollback: a plan without its two parts is refused, each by name', () => {
  expect(messages(proof, older)).toEqual([
    'The plan does not say how the change is taken back (rollback).',
    'The plan does not say what it means for security (security_impact).',
  ]);
});

test('rollback: another tree, or a reverse patch that does not apply, is refused', () => {
  expect(messages({ ...proof, restored_tree: patched }, plan)).toEqual([
    expect.stringContaining(`gives the tree ${patched}`),
  ]);
  expect(messages({ ...proof, restored_tree: null, reason: 'binary patch' }, plan)).toEqual([
    expect.stringContaining('does not apply to the patched tree: binary patch.'),
  ]);
  expect(judgeRollback({ ...proof, restored_tree: null }, plan)).toMatchObject([{ rule: 'rollback', blocking: true }]);
});

test('rollback: without a proof, as in runs of earlier releases, nothing is judged', () => {
  expect(judgeRollback(undefined, older)).toEqual([]);
});

test('the plan of an answer has rollback and security_impact; a recorded plan may lack them', () => {
  const text = JSON.stringify({ kind: 'output', ...older });
  expect(readAnswer('P03', text)).toMatchObject({ kind: 'unusable', problem: expect.stringContaining('rollback') });
  expect(readAnswer('P03', text, GATE_OUTPUT_SCHEMAS)).toMatchObject({ kind: 'output' });
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
