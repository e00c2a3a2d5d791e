import { beforeAll, describe, expect, test } from 'vitest';
import { judgeTree } from '../../src/verify/verify-tree.js';
import { MutableTree } from '../support/mutable-tree.js';
import {
  BASELINE_LIES,
  BLOCKING_BASELINE_LIES,
  COUNT_LIES,
  lied,
  REVIEWER_LIES,
  type RoleLie,
  VERIFIER_LIES,
  WRITER_LIES,
} from '../vectors/recipes/role-lies.js';
import { type GenuineRun, genuineRun } from './genuine-run.js';
import { VECTOR_RUN } from './vector-run.js';

let run: GenuineRun;
let countedRun: GenuineRun;
let blockingRun: GenuineRun;
beforeAll(async () => {
  run = await genuineRun({ ...VECTOR_RUN });
  countedRun = await genuineRun({ ...VECTOR_RUN, story: 'straight', counted: true });
  blockingRun = await genuineRun({ ...VECTOR_RUN, story: 'straight', blocking: true });
});

const treeOf = ({ files }: GenuineRun) =>
  new MutableTree(new Map([...files].map(([path, bytes]) => [path, Buffer.from(bytes)])));
const genuine = () => treeOf(run);
const judge = (tree: MutableTree, { policy }: GenuineRun = run) => judgeTree(tree.reader(), { policies: [policy] });

test('verify: a genuine run of rules version 2 with tries, rework and an escalation is judged again and verified', async () => {
  const { outcomes } = await judge(genuine());
  expect(outcomes.filter(({ status }) => status !== 'ok')).toEqual([]);
  expect(outcomes.find(({ check }) => check === 'judgement')?.not_recomputed).toHaveLength(7);
});

test('verify: a tree that everybody signs again unchanged stays verified', async () => {
  const nothing: RoleLie = { name: '', gate: 'P00', attempt: 1, lie: () => undefined, code: 'DERIVED_DIFFERS' };
  expect(await judge(lied(genuine(), nothing))).toMatchObject({ verified: true });
});

describe.each([
  ['false statements of the writer', WRITER_LIES],
  ['false statements of the verifier', VERIFIER_LIES],
  ['false statements of the reviewer', REVIEWER_LIES],
])('verify: %s', (_, recipes) => {
  test.each(recipes.map((lie) => [lie.name, lie] as const))('%s', async (_name, lie) => {
    const { first } = await judge(lied(genuine(), lie));
    expect(first?.failure?.code).toBe(lie.code);
  });
});

test('verify: a genuine run whose check counts its tests is verified', async () => {
  const { verified } = await judge(treeOf(countedRun), countedRun);
  const [check] = JSON.parse(treeOf(countedRun).text('evidence/test_results.json')).checks;
  expect(check).toMatchObject({ status: 'passed', tests: { executed: 2 }, baseline: { tests: { executed: 2 } } });
  expect(verified).toBe(true);
});

describe('verify: false counts of the verifier', () => {
  test.each(COUNT_LIES.map((lie) => [lie.name, lie] as const))('%s', async (_name, lie) => {
    const { first } = await judge(lied(treeOf(countedRun), lie), countedRun);
    expect(first?.failure?.code).toBe(lie.code);
  });
});

test('verify: a genuine run under a policy that blocks on its base commit is verified', async () => {
  const { verified } = await judge(treeOf(blockingRun), blockingRun);
  const { checks } = JSON.parse(treeOf(blockingRun).text('evidence/baseline.json'));
  expect(checks).toMatchObject([{ name: 'tests', status: 'passed' }]);
  expect(verified).toBe(true);
});

describe('verify: a false base commit of the writer', () => {
  test.each(BASELINE_LIES.map((lie) => [lie.name, lie] as const))('%s', async (_name, lie) => {
    const { first } = await judge(lied(treeOf(countedRun), lie), countedRun);
    expect(first?.failure?.code).toBe(lie.code);
  });

  test.each(BLOCKING_BASELINE_LIES.map((lie) => [lie.name, lie] as const))('%s', async (_name, lie) => {
    const { first } = await judge(lied(treeOf(blockingRun), lie), blockingRun);
    expect(first?.failure?.code).toBe(lie.code);
  });
});
