import { expect, test } from 'vitest';
import { parsePolicyBytes } from '../../../src/config/policy-file.js';
import { type Duty, describeClash, findClashes, handOffDescriptor } from '../../../src/domain/judge/separation.js';
import { EXAMPLE_POLICY } from '../../support/governed-repository.js';

const { policy } = parsePolicyBytes(
  new TextEncoder().encode(`${EXAMPLE_POLICY}prompt_packs: ['${'a'.repeat(64)}']\n`),
  'policy',
);
const duty = (one: Duty['duty'], principal: string): Duty => ({
  duty: one,
  principal,
  keyids: [],
  executor: handOffDescriptor(principal, policy),
});
const program: Duty = {
  ...{ duty: 'verifier', principal: 'vera', keyids: [] },
  executor: { kind: 'command', program: 'agent', arguments_sha256: 'a'.repeat(64) },
};
const clashes = (duties: readonly Duty[], executors: 'any' | 'distinct' = 'distinct') =>
  findClashes(duties, { executors }).map(describeClash);

test('separation: people whose gates are handed off are executors of their own', () => {
  expect(clashes([duty('writer', 'ada'), program, duty('reviewer', 'grace')])).toEqual([]);
});

test('separation: an agent whose gates are handed off is not known to be another executor', () => {
  const words =
    'must have different executors, and the program of nina, an agent whose gates are handed off, is not known';
  expect(clashes([duty('writer', 'nina'), program])).toEqual([`writer and verifier ${words}`]);
  expect(clashes([duty('writer', 'nina'), program], 'any')).toEqual([]);
  expect(clashes([duty('writer', 'nina'), { ...program, executor: null }])).toEqual([]);
});
