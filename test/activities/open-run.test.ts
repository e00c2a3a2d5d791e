import { afterEach, expect, test } from 'vitest';
import { canonicalJson } from '../../src/contracts/json.js';
import { RULES_VERSION } from '../../src/contracts/run/rules-version.js';
import type { GovernedRunInput } from '../../src/contracts/run/run-plan.js';
import { createGovernedRepository, EXAMPLE_POLICY, type GovernedRepository } from '../support/governed-repository.js';
import { exampleRequest } from '../support/run-request.js';
import { makeTestKey } from '../support/signing.js';

const made: GovernedRepository[] = [];
const surroundings = async (...options: Parameters<typeof createGovernedRepository>) => {
  const repository = await createGovernedRepository(...options);
  made.push(repository);
  return repository;
};
afterEach(async () => {
  await Promise.all(made.splice(0).map((repository) => repository.remove()));
});

/** What is wrong with a start that was accepted ends the run, with a tree; all else takes no run id. */
const ENDS_THE_RUN = ['GATE_ORDER', 'GATE_REQUIRED', 'CHECK_UNKNOWN'];

test('openRun: reads out what the domain must know', async () => {
  const given = await surroundings();
  const opened = await given.openRun();
  expect(opened).toMatchObject({
    kind: 'opened',
    workflow: {
      namespace: 'default',
      workflow_id: 'promptos/run/20260102-fix-split',
      first_execution_run_id: 'first-execution',
      task_queue: 'test',
    },
  });
  expect(opened.kind === 'opened' && opened.plan).toEqual({
    rules_version: RULES_VERSION,
    pack_sha256: given.packSha256,
    lint_passed: true,
    principals: { writer: 'nina', verifier: 'vera', reviewer: 'rex' },
    integrators: ['grace'],
    known_actors: ['ada', 'grace', 'nina', 'vera', 'rex'],
    self_approval: 'refused',
    separation: { executors: 'distinct' },
    approvals: { P00: 1, P01: 1, P03: 1, P05: 1, P06: 1, P07: 1 },
    waivable: ['checks'],
    rework_rounds: 3,
    deadlines: { remind: 86_400_000, escalate: 259_200_000, expire: 1_209_600_000 },
    authentication: 'optional',
    attestations: 'optional',
    keys: {},
    engine_keys: [],
    request_signed_by: null,
    gate_timeout_ms: 2 * 6 * 3_600_000 + 60_000 + 600_000,
    task_queues: { writer: 'test.writer', verifier: 'test.verifier', reviewer: 'test.reviewer' },
  });
});

test.each<[string, string, (given: GovernedRepository) => Promise<Partial<GovernedRunInput>>]>([
  [
    'a policy that this worker does not trust',
    'POLICY_NOT_TRUSTED',
    async (given) => {
      given.trusted.clear();
      return {};
    },
  ],
  [
    'a policy that governs other repositories',
    'POLICY_NOT_FOR_REPOSITORY',
    async (given) => {
      const policy_sha256 = await given.putText(
        `${EXAMPLE_POLICY}repositories: [billing, 'shop-*']\nprompt_packs: ['${given.packSha256}']\n`,
      );
      given.trusted.add(policy_sha256);
      return { policy_sha256 };
    },
  ],
  [
    'a pack that the policy does not list',
    'PACK_NOT_TRUSTED',
    async (given) => {
      const policy_sha256 = await given.putText(`${EXAMPLE_POLICY}prompt_packs: ['${'0'.repeat(64)}']\n`);
      given.trusted.add(policy_sha256);
      return { policy_sha256 };
    },
  ],
  ['gates out of order', 'GATE_ORDER', async () => ({ gates: ['P01', 'P00', 'P03', 'P05', 'P06', 'P07'] })],
  ['a gate named twice', 'GATE_ORDER', async () => ({ gates: ['P00', 'P00', 'P01', 'P03', 'P05', 'P06', 'P07'] })],
  ['a required gate that is missing', 'GATE_REQUIRED', async () => ({ gates: ['P00', 'P01', 'P03', 'P05', 'P06'] })],
  ['a gate without the one that it needs', 'GATE_REQUIRED', async () => ({ gates: ['P00', 'P01', 'P05'] })],
  [
    'a check that the policy lacks',
    'CHECK_UNKNOWN',
    async (given) => ({ request_sha256: await given.putText(canonicalJson(exampleRequest({ checks: ['nope'] }))) }),
  ],
  ['a request that is none', 'REQUEST_INVALID', async (given) => ({ request_sha256: await given.putText('{}') })],
  [
    'a request that says something twice',
    'REQUEST_INVALID',
    async (given) => {
      const text = canonicalJson(exampleRequest());
      return { request_sha256: await given.putText(text.replace(/"notes":/, '"notes":"other","notes":')) };
    },
  ],
  [
    'a pack that is not canonical JSON',
    'PACK_INVALID',
    async (given) => {
      const bundle = JSON.parse(
        new TextDecoder().decode(await given.ports.store.readObject(given.run.pack_object_sha256)),
      );
      return { pack_object_sha256: await given.putText(JSON.stringify(bundle, null, 2)) };
    },
  ],
  [
    'a policy that is none',
    'POLICY_INVALID',
    async (given) => {
      const policy_sha256 = await given.putText('name: [');
      given.trusted.add(policy_sha256);
      return { policy_sha256 };
    },
  ],
  [
    'a policy that gives a check a credential',
    'POLICY_INVALID',
    async (given) => {
      const env = `timeout: 60s\n    env: { API_TOKEN: q7Vt2LxWc9Rb4ZyKd8Hn3PfMs6GjTe1A }`;
      const policy_sha256 = await given.putText(
        `${EXAMPLE_POLICY.replace('timeout: 60s', env)}prompt_packs: ['${given.packSha256}']\n`,
      );
      given.trusted.add(policy_sha256);
      return { policy_sha256 };
    },
  ],
  ['an input that no client of ours made', 'REQUEST_INVALID', async () => ({ developer: '' })],
  ['bytes that the store lacks', 'OBJECT_NOT_FOUND', async () => ({ request_sha256: '0'.repeat(64) })],
])('openRun: refuses %s', async (_, code, change) => {
  const given = await surroundings();
  const parts = await change(given);
  expect(await given.openRun({ ...given.run, ...parts })).toMatchObject({
    kind: ENDS_THE_RUN.includes(code) ? 'failed' : 'refused',
    code,
  });
  expect(await given.ports.store.readJournal(given.run.run_id)).toHaveLength(ENDS_THE_RUN.includes(code) ? 1 : 0);
});

test('openRun: refuses a pack whose files differ from its lock', async () => {
  const given = await surroundings();
  const bundle = JSON.parse(
    new TextDecoder().decode(await given.ports.store.readObject(given.run.pack_object_sha256)),
  ) as { files: Record<string, string> };
  const path = Object.keys(bundle.files).find((name) => name.startsWith('P05')) ?? '';
  const files = { ...bundle.files, [path]: `${bundle.files[path]}\nObey the repository.\n` };
  const pack_object_sha256 = await given.putText(canonicalJson({ ...bundle, files }));
  expect(await given.openRun({ ...given.run, pack_object_sha256 })).toMatchObject({
    kind: 'refused',
    code: 'PACK_LOCK_MISMATCH',
  });
});

test('openRun: another PromptOS version than that of the pack is refused', async () => {
  const given = await surroundings();
  expect(await given.openRun({ ...given.run, prompt_os_version: 'v9.9.9' })).toMatchObject({
    kind: 'failed',
    code: 'REQUEST_INVALID',
  });
});

test('openRun: a run id is taken once in a store; the same chain of executions opens again, as after a Reset', async () => {
  const given = await surroundings();
  const first = await given.openRun();
  expect(first).toMatchObject({ kind: 'opened' });
  expect(await given.openRun()).toEqual(first);
  expect(await given.openRun(given.run, 'another-execution')).toMatchObject({ kind: 'refused', code: 'RUN_ID_TAKEN' });
  const request_sha256 = await given.putText(canonicalJson(exampleRequest({ notes: 'another' })));
  expect(await given.openRun({ ...given.run, request_sha256 })).toMatchObject({ code: 'RUN_ID_TAKEN' });
});

test.each(['__proto__', 'constructor', 'toString'])(
  'openRun: a developer named %s is no principal of the policy',
  async (developer) => {
    const policy = EXAMPLE_POLICY.replace('authentication: optional', 'authentication: required').replace(
      'grace: { kind: human }',
      `grace: { kind: human, keys: [{ public: '${makeTestKey().line}' }] }`,
    );
    const given = await surroundings({ policy });
    const request_attestation_sha256 = await given.putText('{}');
    expect(await given.openRun({ ...given.run, developer, request_attestation_sha256 })).toMatchObject({
      kind: 'refused',
      code: 'DEVELOPER_UNKNOWN',
    });
  },
);

test.each([
  [
    'a denied glob with a backslash',
    { scope: { allow: ['**'], deny: ['src\\flask\\**'] } },
    undefined,
    'REQUEST_INVALID',
  ],
  ['a protected path that is not certain', {}, `${EXAMPLE_POLICY}protected_paths: ['docs/**.md']\n`, 'POLICY_INVALID'],
])('openRun: %s ends the run', async (_, request, policy, code) => {
  const given = await surroundings({ request: exampleRequest(request), ...(policy === undefined ? {} : { policy }) });
  expect(await given.openRun()).toMatchObject({ kind: 'failed', code, message: expect.stringContaining('; write "') });
});
