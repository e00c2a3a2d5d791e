import { expect, test } from 'vitest';
import { numberFindings } from '../../../src/rules/escalation-report.js';
import { blockingFinding, plainFinding } from '../../../src/rules/outputs/judged-output.js';

test('numberFindings: an id is unique within the attempt, and names the rule', () => {
  const judged = [
    blockingFinding('scope', 'One.', { escalates: 'rule_violation' }),
    plainFinding('plan', 'low', 'Two.'),
    blockingFinding('scope', 'Three.'),
    plainFinding('scope', 'low', 'Four.'),
  ];
  const numbered = numberFindings(judged);
  expect(numbered.map(({ id }) => id)).toEqual(['scope-1', 'plan-1', 'scope-2', 'scope-3']);
  expect(numbered.map(({ message }) => message)).toEqual(['One.', 'Two.', 'Three.', 'Four.']);
  expect(numbered.some((finding) => 'escalates' in finding)).toBe(false);
});
