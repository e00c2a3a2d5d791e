import { describe, expect, test } from 'vitest';
import { parse } from 'yaml';
import { PromptOsError } from '../../../src/contracts/errors.js';
import { GATE_IDS, type GateId } from '../../../src/contracts/names.js';
import { policySchema } from '../../../src/contracts/policy/policy.js';
import {
  acceptStart,
  admitRequest,
  checkGateSelection,
  type RequestedFacts,
  type StartFacts,
} from '../../../src/domain/judge/admission.js';
import { EXAMPLE_POLICY } from '../../support/governed-repository.js';
import { exampleRequest } from '../../support/run-request.js';

const thrownBy = (action: () => unknown): PromptOsError => {
  try {
    action();
  } catch (error) {
    if (error instanceof PromptOsError) return error;
    throw error;
  }
  throw new Error('expected an error');
};

const SHA256 = 'a'.repeat(64);
const PACK = '0'.repeat(64);
const policyOf = (more = '', text = EXAMPLE_POLICY) =>
  policySchema.parse(parse(`${text}prompt_packs: ['${PACK}']\n${more}`));

const factsOf = (more: Partial<StartFacts> = {}): StartFacts => ({
  policy: policyOf(),
  sha256: SHA256,
  path: null,
  run: { developer: 'ada', target_repo: 'example', gates: [...GATE_IDS], prompt_os_version: 'v1' },
  pack: { digest: PACK, prompt_os_version: 'v1' },
  trust: { digests: new Set([SHA256]), by: 'this worker' },
  ...more,
});

describe('acceptStart', () => {
  test('takes a start under a trusted policy', () => {
    expect(() => acceptStart(factsOf())).not.toThrow();
  });

  test.each<[string, string, Partial<StartFacts>, RegExp]>([
    [
      'a policy that the worker does not trust',
      'POLICY_NOT_TRUSTED',
      { trust: { digests: new Set(), by: 'this worker' } },
      /^The policy sha256:a+ is not among those that this worker trusts: none\./,
    ],
    [
      'a policy file that the worker config does not trust',
      'POLICY_NOT_TRUSTED',
      { path: 'policy.yaml', trust: { digests: new Set(['b']), by: 'worker.yaml', listed: ['other.yaml'] } },
      /^The policy policy\.yaml \(sha256:a+\) is not among those that worker\.yaml trusts: other\.yaml\./,
    ],
    [
      'a policy of other repositories',
      'POLICY_NOT_FOR_REPOSITORY',
      { policy: policyOf("repositories: [billing, 'shop-*']\n") },
      /governs billing, shop-\*, and the run is of example/,
    ],
    [
      'a pack that the policy does not list',
      'PACK_NOT_TRUSTED',
      { pack: { digest: '1'.repeat(64), prompt_os_version: 'v1' } },
      /has the digest 1+; the policy "example" trusts 0+\./,
    ],
  ])('refuses %s', (_, code, more, message) => {
    const error = thrownBy(() => acceptStart(factsOf(more)));
    expect(error.code).toBe(code);
    expect(error.message).toMatch(message);
  });

  test('DEVELOPER_UNKNOWN where requests must be signed, also for names that every object has', () => {
    const policy = policyOf();
    const required = { ...policy, decisions: { ...policy.decisions, authentication: 'required' as const } };
    for (const developer of ['bob', 'toString', '__proto__']) {
      const run = { ...factsOf().run, developer };
      expect(() => acceptStart(factsOf({ run }))).not.toThrow();
      expect(thrownBy(() => acceptStart(factsOf({ run, policy: required }))).code).toBe('DEVELOPER_UNKNOWN');
    }
  });
});

describe('admitRequest', () => {
  const admit = (facts: Partial<StartFacts>, more: Partial<RequestedFacts> = {}) =>
    admitRequest(factsOf(facts), { request: exampleRequest(), ...more });

  test('takes a request that fits its policy', () => {
    expect(() => admit({})).not.toThrow();
  });

  test('CHECK_UNKNOWN names every check that the policy lacks', () => {
    const request = exampleRequest({ checks: ['banana'] });
    const task = { ...request.task, acceptance_criteria: [{ id: 'AC1', text: 'The tests pass.', check: 'tsets' }] };
    const error = thrownBy(() => admit({}, { request: { ...request, task } }));
    expect(error.code).toBe('CHECK_UNKNOWN');
    expect(error.summary).toBe(
      'checks names the check "banana". AC1 names the check "tsets". Did you mean "tests"? The policy "example" has the checks tests.',
    );
  });

  test('REQUEST_INVALID for another version than that of the pack', () => {
    const error = thrownBy(() => admit({ pack: { digest: PACK, prompt_os_version: 'v2' } }));
    expect(error.message).toMatch(/started as PromptOS v1, and its prompt pack is v2/);
  });

  test('REQUEST_INVALID for a glob that can match nothing', () => {
    const request = exampleRequest({ scope: { allow: ['**'], deny: ['src\\flask\\**'] } });
    expect(thrownBy(() => admit({}, { request })).code).toBe('REQUEST_INVALID');
  });

  test('DUTIES_CLASH for two roles that share an executor, where the policy wants them distinct', () => {
    const executor = { kind: 'command', program: 'agent', arguments_sha256: SHA256 } as const;
    const executors = { writer: executor, reviewer: executor };
    expect(thrownBy(() => admit({}, { executors })).code).toBe('DUTIES_CLASH');
    expect(() => admit({ policy: policyOf('separation: { executors: any }\n') }, { executors })).not.toThrow();
  });

  test('names what was given where the gates do not fit', () => {
    const run = { ...factsOf().run, gates: ['P03'] as GateId[] };
    const error = thrownBy(() => admit({ run }, { receivedGates: '--prompts: received "P03"' }));
    expect(error.message).toMatch(/^--prompts: received "P03", but P03 needs P01/);
  });
});

const free = { name: 'free', required_gates: [] };
const strict = { name: 'strict', required_gates: [...GATE_IDS] };
const gatesOf = (list: string) => list.split(',') as GateId[];

test.each([
  ['P01,P00', /P00 comes after P01/],
  ['P00,P00', /P00 is named twice/],
  ['P00,P01,P00', /P00 is named twice/],
])('checkGateSelection: GATE_ORDER, for "%s"', (list, message) => {
  const error = thrownBy(() => checkGateSelection(gatesOf(list), free));
  expect(error.code).toBe('GATE_ORDER');
  expect(error.message).toMatch(message);
});

test.each([
  ['P03', free, /P03 needs P01/],
  ['P01,P05', free, /P05 needs P03/],
  ['P00,P06,P07', free, /P06 needs P05, P07 needs P05/],
  ['P00,P01,P03,P05,P06', strict, /the policy "strict" requires P07/],
])('checkGateSelection: GATE_REQUIRED, for "%s"', (list, policy, message) => {
  const error = thrownBy(() => checkGateSelection(gatesOf(list), policy));
  expect(error.code).toBe('GATE_REQUIRED');
  expect(error.message).toMatch(message);
});

test('checkGateSelection: takes every gate in its order', () => {
  expect(() => checkGateSelection(GATE_IDS, strict)).not.toThrow();
});
