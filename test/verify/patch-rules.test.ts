import { beforeAll, expect, test } from 'vitest';
import type { GateId } from '../../src/contracts/names.js';
import type { AttemptRecord } from '../../src/contracts/record/attempt.js';
import { judgeTree } from '../../src/verify/verify-tree.js';
import { ALL_KEYS, forge } from '../support/forge-tree.js';
import { MutableTree } from '../support/mutable-tree.js';
import { type GenuineRun, genuineRun } from './genuine-run.js';
import { VECTOR_RUN } from './vector-run.js';

let run: GenuineRun;
beforeAll(async () => {
  run = await genuineRun({ ...VECTOR_RUN, remarked: true });
}, 120_000);

const genuine = () => new MutableTree(new Map([...run.files].map(([path, bytes]) => [path, Buffer.from(bytes)])));
const judge = (tree: MutableTree) => judgeTree(tree.reader(), { policies: [run.policy] });
const rulesOf = (gate: GateId, attempt: number): readonly string[] =>
  genuine()
    .json<AttemptRecord>(`evidence/attempts/${gate}/${attempt}/attempt.json`)
    .findings.map(({ rule }) => rule);

test('verify: the findings of a run on inputs, plan, packages and claims are derived again', async () => {
  const { outcomes } = await judge(genuine());
  expect(outcomes.filter(({ status }) => status !== 'ok')).toEqual([]);
  expect(rulesOf('P00', 1)).toContain('injected_input');
  expect(rulesOf('P05', 1)).toEqual(['plan_files', 'dependencies', 'dependencies']);
  expect(rulesOf('P06', 1)).toEqual(['checks', 'claims', 'verifier_contradicted', 'verifier_contradicted']);
  expect(rulesOf('P05', 2)).toContain('dependencies');
});

test.each(['plan_files', 'dependencies'])('verify: refuses a judgement of the verifier without %s', async (rule) => {
  const tree = genuine();
  tree.editJson<{ findings: { rule: string }[] }>('evidence/patch_judgement.json', (said) => {
    said.findings = said.findings.filter((finding) => finding.rule !== rule);
  });
  const { first } = await judge(forge(tree, ALL_KEYS));
  expect(first?.failure?.code).toBe('FINDINGS_DIFFER');
});

test('verify: refuses a tree whose trace of plan and patch is another one', async () => {
  const path = 'evidence/traceability.json';
  const moved = genuine();
  moved.editJson<{ files: { planned: { line: number }[] }[] }>(path, ({ files }) => {
    for (const { planned } of files) for (const place of planned) place.line += 1;
  });
  expect((await judge(forge(moved, ALL_KEYS))).first?.failure).toMatchObject({ code: 'DERIVED_DIFFERS', path });
});
