import { beforeAll, describe, expect, test } from 'vitest';
import { judgeTree } from '../../src/verify/index.js';
import { MutableTree } from '../support/mutable-tree.js';
import type { TestKey } from '../support/signing.js';
import { VECTOR_KEYS } from '../support/vector-keys.js';
import { lied, REVIEWER_LIES, type RoleLie, VERIFIER_LIES, WRITER_LIES } from '../vectors/recipes/role-lies.js';
import { type GenuineRun, genuineRun, type RunKeys } from './genuine-run.js';

const HOLDERS = ['ada', 'grace', 'nina', 'vera', 'rex', 'engine'] as const;

/** The keys of the vectors as a run's own: what was signed with them can be signed again. */
const keys = Object.fromEntries(
  HOLDERS.map((name) => {
    const { key, line, signer, seal, sealBytes } = VECTOR_KEYS[name];
    const pinned = { ...key, valid_from: null, valid_until: null, revoked_at: null };
    return [name, { key, line, pinned, seal, sealBytes, signer, pem: '' } as unknown as TestKey];
  }),
) as unknown as RunKeys;

let run: GenuineRun;
beforeAll(async () => {
  const signing = Object.fromEntries(HOLDERS.map((name) => [name, VECTOR_KEYS[name].signer]));
  run = await genuineRun({
    keys,
    signers: { forPrincipal: (name) => signing[name] ?? null, forEngine: () => VECTOR_KEYS.engine.signer },
  });
}, 120_000);

const genuine = () => new MutableTree(new Map([...run.files].map(([path, bytes]) => [path, Buffer.from(bytes)])));
const judge = (tree: MutableTree) => judgeTree(tree.reader(), { policies: [run.policy] });

test('verify: a genuine run of rules version 2 with tries, rework and an escalation is judged again and verified', async () => {
  const { outcomes } = await judge(genuine());
  expect(outcomes.filter(({ status }) => status !== 'ok')).toEqual([]);
  expect(outcomes.find(({ check }) => check === 'judgement')?.not_recomputed).toHaveLength(5);
});

test('verify: a tree that everybody signs again unchanged stays verified', async () => {
  const nothing: RoleLie = { name: '', gate: 'P00', attempt: 1, lie: () => undefined, code: 'DERIVED_DIFFERS' };
  expect(await judge(lied(genuine(), nothing))).toMatchObject({ verified: true });
});

describe.each([
  ['the writer lies', WRITER_LIES],
  ['the verifier lies', VERIFIER_LIES],
  ['the reviewer lies', REVIEWER_LIES],
])('verify: %s', (_, lies) => {
  test.each(lies.map((lie) => [lie.name, lie] as const))('%s', async (_name, lie) => {
    const { first } = await judge(lied(genuine(), lie));
    expect(first?.failure?.code).toBe(lie.code);
  });
});
