import { readFile } from 'node:fs/promises';
import { beforeAll, expect, test } from 'vitest';
import { canonicalSha256 } from '../../src/contracts/json.js';
import type { Envelope } from '../../src/contracts/keys.js';
import { runRecordSchema } from '../../src/contracts/record/run-record.js';
import { AI_AUTHORSHIP, authorshipStatement } from '../../src/domain/attest/authorship.js';
import type { Statement } from '../../src/domain/attest/statement.js';
import { attestationPaths, TREE_PATHS } from '../../src/domain/record/published-tree.js';
import { judgeTree } from '../../src/verify/verify-tree.js';
import { bundle } from '../support/forge-tree.js';
import { MutableTree, sha256Of } from '../support/mutable-tree.js';
import { VECTOR_KEYS } from '../support/vector-keys.js';
import { type GenuineRun, genuineRun } from './genuine-run.js';
import { VECTOR_RUN } from './vector-run.js';

const PATH = attestationPaths.authorship;
let run: GenuineRun;
beforeAll(async () => {
  run = await genuineRun({ ...VECTOR_RUN, story: 'straight' });
}, 120_000);

const genuine = () => new MutableTree(new Map([...run.files].map(([path, bytes]) => [path, Buffer.from(bytes)])));
const judge = (tree: MutableTree) => judgeTree(tree.reader(), { policies: [run.policy] });
type Authored = Statement<{ contributions: Record<string, unknown>[]; runRecordSha256: string }>;
const statementOf = ({ payload }: Envelope): Authored => JSON.parse(Buffer.from(payload, 'base64').toString('utf8'));

test('the engine says whom and what the patch of a run comes from, and promptos verify agrees', async () => {
  const tree = genuine();
  const { outcomes } = await judge(tree);
  expect(outcomes.filter(({ status }) => status !== 'ok')).toEqual([]);
  const { predicateType, subject, predicate } = statementOf(tree.envelope(PATH));
  expect(predicateType).toBe(AI_AUTHORSHIP);
  expect(subject).toEqual([{ name: TREE_PATHS.patch, digest: { sha256: sha256Of(tree.bytes(TREE_PATHS.patch)) } }]);
  expect(predicate).toMatchObject({ runRecordSha256: sha256Of(tree.bytes(TREE_PATHS.record)), developer: 'ada' });
  expect(predicate.contributions.map(({ gate, role, principal }) => [gate, role, principal])).toEqual([
    ['P00', 'writer', 'nina'],
    ['P01', 'writer', 'nina'],
    ['P03', 'writer', 'nina'],
    ['P05', 'writer', 'nina'],
    ['P06', 'verifier', 'vera'],
    ['P07', 'reviewer', 'rex'],
  ]);
});

test('verify: a tree from before there was one is verified', async () => {
  const { outcomes } = await judge(bundle(genuine().remove(PATH)));
  expect(outcomes.filter(({ status }) => status !== 'ok')).toEqual([]);
});

test('verify: refuses one that names another model, though the engine signed it', async () => {
  const tree = genuine();
  const statement = statementOf(tree.envelope(PATH));
  Object.assign(statement.predicate.contributions[0] ?? {}, { servedModel: 'claude-opus-4' });
  const { first } = await judge(bundle(tree.putEnvelope(PATH, VECTOR_KEYS.engine.seal(statement))));
  expect(first?.failure?.code).toBe('ATTESTATION_INVALID');
});

test('verify: refuses one that a key of the writer signed', async () => {
  const tree = genuine();
  const { first } = await judge(
    bundle(tree.putEnvelope(PATH, VECTOR_KEYS.nina.seal(statementOf(tree.envelope(PATH))))),
  );
  expect(first?.failure?.code).toBe('ATTESTATION_INVALID');
});

test('docs/attestations.md: the section about it names every field, and its example has the shape of a real one', async () => {
  const page = await readFile(new URL('../../docs/attestations.md', import.meta.url), 'utf8');
  const section = page.split(/^## /m).find((text) => text.startsWith('`ai-authorship/v0.1`')) ?? '';
  expect(section).toContain(`\`${AI_AUTHORSHIP}\``);
  const { predicate } = statementOf(genuine().envelope(PATH));
  const fields = [...Object.keys(predicate), ...Object.keys(predicate.contributions[0] ?? {})];
  expect(fields.filter((field) => !section.includes(`| \`${field}\``))).toEqual([]);
  const example = JSON.parse(/^```json\n([\s\S]*?)^```$/m.exec(section)?.[1] ?? 'null') as Authored;
  expect(Object.keys(example.predicate).sort()).toEqual(Object.keys(predicate).sort());
  expect(Object.keys(example.predicate.contributions[0] ?? {}).sort()).toEqual(
    Object.keys(predicate.contributions[0] ?? {}).sort(),
  );
});

test('authorshipStatement: has what the executor was set to and how often tools were called, where that was recorded', () => {
  const tree = genuine();
  const record = runRecordSchema.parse(JSON.parse(tree.bytes(TREE_PATHS.record).toString()));
  const parameters = { settings: { temperature: 0.2 } };
  const contribution = (...calls: readonly (number | null)[]) => {
    const gates = record.gates.map(({ attempts, ...gate }) => ({
      ...gate,
      attempts: attempts.map((attempt) => ({
        ...attempt,
        tries: calls.map((total, index) => ({
          ...(attempt.tries[0] as (typeof attempt.tries)[number]),
          ...{ number: index + 1, parameters, tool_calls: total === null ? null : { total, by_tool: [] } },
        })),
      })),
    }));
    return authorshipStatement({ ...record, gates }, 'a'.repeat(64), new Map())?.predicate.contributions[0];
  };
  expect(contribution(2, 3)).toMatchObject({ parametersSha256: canonicalSha256(parameters), toolCalls: 5 });
  expect(contribution(2, null)).not.toHaveProperty('toolCalls');
  const { contributions } = statementOf(tree.envelope(PATH)).predicate;
  expect(contributions[0]).not.toHaveProperty('parametersSha256');
});
