import { beforeAll, expect, test } from 'vitest';
import type { GateId } from '../../src/contracts/names.js';
import type { AttemptRecord } from '../../src/contracts/record/attempt.js';
import { judgeTree } from '../../src/verify/verify-tree.js';
import { ALL_KEYS, forge } from '../support/forge-tree.js';
import { type Loose, MutableTree } from '../support/mutable-tree.js';
import { type GenuineRun, genuineRun } from './genuine-run.js';
import { VECTOR_RUN } from './vector-run.js';

let run: GenuineRun;
beforeAll(async () => {
  run = await genuineRun({ ...VECTOR_RUN, story: 'straight', steering: true });
}, 120_000);

const genuine = () => new MutableTree(new Map([...run.files].map(([path, bytes]) => [path, Buffer.from(bytes)])));
const judge = (tree: MutableTree) => judgeTree(tree.reader(), { policies: [run.policy] });

test('verify: a run whose allowed agent files were withheld from verifier and reviewer is verified', async () => {
  const { outcomes } = await judge(genuine());
  expect(outcomes.filter(({ status }) => status !== 'ok')).toEqual([]);
  const record = genuine().json<AttemptRecord>('evidence/attempts/P07/1/attempt.json');
  expect(record.withheld).toEqual(['src/CLAUDE.md', 'src/GEMINI.md']);
  expect(record.inventory?.files.map(({ path }) => path)).toEqual(['AGENTS.md']);
});

type Change = (record: Loose<AttemptRecord>) => void;
const lies: readonly (readonly [string, GateId, Change, string])[] = [
  ['withheld nothing', 'P07', (record) => void delete record.withheld, 'DERIVED_DIFFERS'],
  ['withheld one of two', 'P06', (record) => void record.withheld?.pop(), 'DERIVED_DIFFERS'],
  ['withheld a file of no patch', 'P07', (record) => void record.withheld?.push('README.md'), 'DERIVED_DIFFERS'],
  [
    'withheld a file before there was a patch',
    'P03',
    (record) => void Object.assign(record, { withheld: ['a'] }),
    'DERIVED_DIFFERS',
  ],
  ['another inventory', 'P07', (record) => void record.inventory?.files.pop(), 'FINDINGS_DIFFER'],
  [
    'an inventory with other content',
    'P06',
    ({ inventory }) => void Object.assign(inventory?.files[0] ?? {}, { sha256: 'a'.repeat(64) }),
    'FINDINGS_DIFFER',
  ],
];

test.each(lies)('verify: refuses a record that says %s (%s)', async (_, gate, change, code) => {
  const tree = genuine();
  tree.editAttempt(gate, 1, change);
  const { first } = await judge(forge(tree, ALL_KEYS));
  expect(first?.failure?.code).toBe(code);
});

test('verify: refuses a prompt that does not name the withheld files', async () => {
  const tree = genuine();
  tree.edit('evidence/attempts/P07/1/try-1/prompt.md', (text) =>
    text.replace(/<<<PROMPTOS-DATA withheld_files>>>[\s\S]*?<<<END PROMPTOS-DATA withheld_files>>>\n/, ''),
  );
  const { first } = await judge(forge(tree, ALL_KEYS));
  expect(first?.failure?.code).toBe('RENDERED_PROMPT_DIFFERS');
});

test('verify: refuses a judgement of the verifier that is silent about the files', async () => {
  const tree = genuine();
  tree.editJson<{ findings: { rule: string }[] }>('evidence/patch_judgement.json', (said) => {
    said.findings = said.findings.filter(({ rule }) => rule !== 'agent_files');
  });
  const { first } = await judge(forge(tree, ALL_KEYS));
  expect(first?.failure?.code).toBe('FINDINGS_DIFFER');
});
