import { afterEach, describe, expect, test } from 'vitest';
import { PromptOsError } from '../../../src/contracts/errors.js';
import type { ExecuteGateResult } from '../../../src/contracts/run/activities.js';
import type { ExecutorRegistry } from '../../../src/ports/gate-executor.js';
import { exampleOutputs } from '../../support/gate-outputs.js';
import {
  createGovernedRepository,
  EXAMPLE_POLICY,
  type GovernedRepository,
} from '../../support/governed-repository.js';
import { edits, outputs } from '../../support/scripted-executor.js';
import { signersOf } from '../../support/signed-finished-run.js';
import { makeTestKey } from '../../support/signing.js';

const good = exampleOutputs();
let given: GovernedRepository | undefined;
afterEach(async () => given?.remove());

async function surroundings(policy = EXAMPLE_POLICY, signers = signersOf({})) {
  given = await createGovernedRepository({ policy, signers });
  for (const principal of ['nina', 'vera', 'rex']) given.executors.script(principal);
  return given;
}

/** The same executors, but for those of `principals`, which are one program with one list of arguments. */
const sharing = (executors: ExecutorRegistry, ...principals: string[]): ExecutorRegistry => ({
  forPrincipal: (principal) => {
    const executor = executors.forPrincipal(principal);
    if (!principals.includes(principal)) return executor;
    const descriptor = { ...executor.descriptor, arguments_sha256: 'a'.repeat(64) };
    return { descriptor, execute: (call) => executor.execute(call) };
  },
});

const failureOf = (work: Promise<unknown>): Promise<unknown> =>
  work.then(
    () => null,
    (error: unknown) => error,
  );

const LENIENT = `${EXAMPLE_POLICY}separation: { executors: any }\n`;

describe('at the start', () => {
  test('DUTIES_CLASH names the two roles that share a program and its arguments', async () => {
    const at = await surroundings();
    at.findExecutorsIn(sharing(at.executors, 'nina', 'rex'));
    expect(await at.openRun()).toMatchObject({
      kind: 'failed',
      code: 'DUTIES_CLASH',
      message: expect.stringMatching(/writer and reviewer share the executor scripted script with arguments sha256:a+/),
    });
  });

  test('the policy may let roles share an executor, and the plan says so', async () => {
    const at = await surroundings(LENIENT);
    at.findExecutorsIn(sharing(at.executors, 'nina', 'rex'));
    expect(await at.openRun()).toMatchObject({ plan: { separation: { executors: 'any' } } });
  });

  test('executors that other workers have are judged when their gates are dispatched', async () => {
    const at = await surroundings();
    const noExecutors: ExecutorRegistry = {
      forPrincipal: (principal) => {
        throw new PromptOsError('EXECUTOR_NOT_CONFIGURED', `no ${principal} here.`);
      },
    };
    at.findExecutorsIn(noExecutors);
    expect(await at.openRun()).toMatchObject({ plan: { separation: { executors: 'distinct' } } });
  });

  test('a key that the engine shares with a principal makes the policy itself invalid', async () => {
    const key = makeTestKey();
    const policy = `${EXAMPLE_POLICY.replace('vera: { kind: agent }', `vera: { kind: agent, keys: [{ public: '${key.line}' }] }`)}engine: { keys: [{ public: '${key.line}' }] }\n`;
    const at = await surroundings(policy);
    expect(await at.openRun()).toMatchObject({ kind: 'refused', code: 'POLICY_INVALID' });
  });
});

describe('at dispatch', () => {
  test("DUTIES_CLASH when the executor is that of an earlier gate's role, before it is asked", async () => {
    const at = await surroundings();
    at.findExecutorsIn(sharing(at.executors, 'nina', 'vera'));
    at.executors.script('nina', edits({ 'src/split.js': 'right\n' }, outputs(good.P05)));
    const built: ExecuteGateResult = await at.executeGate(at.input('P05'));
    at.executors.script('vera', outputs(good.P06));
    const input = at.input('P06', { inputs: { P05: built.output_sha256 } });
    expect(await failureOf(at.executeGate(input))).toMatchObject({
      type: 'DUTIES_CLASH',
      message: expect.stringContaining('writer and verifier share the executor'),
    });
    expect(at.executors.calls.map(({ principal }) => principal)).toEqual(['nina']);
  });

  test('one role may do all of its gates with one executor', async () => {
    const at = await surroundings();
    at.executors.script('nina', outputs(good.P01), outputs(good.P03));
    const job = await at.executeGate(at.input('P01'));
    expect(await at.executeGate(at.input('P03', { inputs: { P01: job.output_sha256 } }))).toMatchObject({
      verdict: 'pass',
    });
  });

  test('the policy may let roles share an executor', async () => {
    const at = await surroundings(LENIENT);
    at.findExecutorsIn(sharing(at.executors, 'nina', 'vera'));
    at.executors.script('nina', edits({ 'src/split.js': 'right\n' }, outputs(good.P05)));
    const built: ExecuteGateResult = await at.executeGate(at.input('P05'));
    at.executors.script('vera', outputs(good.P06));
    const input = at.input('P06', { inputs: { P05: built.output_sha256 } });
    expect(await at.executeGate(input)).toMatchObject({ verdict: 'pass' });
  });
});

describe("the engine's key, at the start", () => {
  const key = makeTestKey();
  const agents = Object.fromEntries(['nina', 'vera', 'rex'].map((name) => [name, makeTestKey()]));
  const policyWith = (engineLine: string, extra = '') =>
    `${Object.entries(agents).reduce(
      (text, [name, { line }]) =>
        text.replace(`${name}: { kind: agent }`, `${name}: { kind: agent, keys: [{ public: '${line}' }] }`),
      EXAMPLE_POLICY.replace('attestations: optional', 'attestations: required'),
    )}engine: { keys: [{ public: '${engineLine}'${extra} }] }\n`;

  test.each([
    ['the worker has none', policyWith(key.line), {}, /has no key of the engine/],
    ['the policy lists another', policyWith(makeTestKey().line), { engine: key }, /does not list .*SHA256:/],
    [
      'it was revoked',
      policyWith(key.line, ", revoked_at: '2020-01-01T00:00:00Z'"),
      { engine: key },
      /is not valid at/,
    ],
  ])('ENGINE_KEY_MISSING when attestations are required and %s', async (_, policy, held, message) => {
    const at = await surroundings(policy, signersOf(held));
    expect(await at.openRun()).toMatchObject({
      kind: 'refused',
      code: 'ENGINE_KEY_MISSING',
      message: expect.stringMatching(message),
    });
  });

  test('with the key that the policy lists the run opens', async () => {
    const at = await surroundings(policyWith(key.line), signersOf({ engine: key }));
    expect(await at.openRun()).toMatchObject({ kind: 'opened', plan: { attestations: 'required' } });
  });
});
