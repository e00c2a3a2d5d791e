import { expect, test } from 'vitest';
import type { GateOutputs } from '../../../src/contracts/answers/gate-outputs.js';
import { judgeContext } from '../../../src/rules/outputs/gate-outputs.js';
import { exampleRequest } from '../../support/run-request.js';

const request = exampleRequest();
const output = (constraints: GateOutputs['P00']['constraints']): GateOutputs['P00'] => ({
  project: 'split-bill',
  summary: 'A bill splitter.',
  goal: 'The parts add up.',
  stack: ['node'],
  constraints,
  assumptions: [],
});
const [first, second] = request.context.constraints as [
  GateOutputs['P00']['constraints'][0],
  GateOutputs['P00']['constraints'][0],
];

test('judgeContext: every constraint word for word passes, in any order', () => {
  expect(judgeContext(request, output([second, first]))).toEqual([]);
});

test.each([
  ['a lost constraint', [first], 'Constraint C2 is lost: "Amounts are whole cents."'],
  ['a reworded one', [first, { ...second, text: 'Amounts are cents.' }], 'Constraint C2 is not word for word'],
  ['one made up', [first, second, { id: 'C3', text: 'Be quick.' }], 'Constraint C3 is not in the request.'],
  ['one restated twice', [first, second, second], 'Constraint C2 is restated more than once.'],
])('judgeContext: %s is one high blocking finding', (_, constraints, message) => {
  const findings = judgeContext(request, output(constraints));
  expect(findings).toHaveLength(1);
  expect(findings[0]).toMatchObject({ rule: 'context', severity: 'high', blocking: true });
  expect(findings[0]?.message).toContain(message);
});
