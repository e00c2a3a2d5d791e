import { afterEach, describe, expect, test } from 'vitest';
import { gateProgressSchema } from '../../../src/contracts/run/gate-progress.js';
import { NOTHING_SPENT } from '../../../src/rules/attempts/spent.js';
import { exampleOutputs } from '../../support/gate-outputs.js';
import {
  createGovernedRepository,
  EXAMPLE_POLICY,
  type GovernedRepository,
} from '../../support/governed-repository.js';
import { outputs, type ScriptStep, says } from '../../support/scripted-executor.js';

const made: GovernedRepository[] = [];
afterEach(async () => {
  await Promise.all(made.splice(0).map((repository) => repository.remove()));
});
const withPolicy = async (more = '') => {
  const repository = await createGovernedRepository({ policy: `${EXAMPLE_POLICY}baseline: off\n${more}` });
  made.push(repository);
  return repository;
};

const GOOD = exampleOutputs().P00;
const using =
  (step: ScriptStep, tokens: number, cost_usd?: number): ScriptStep =>
  async (call) => ({
    ...(await step(call)),
    used: { usage: { input_tokens: tokens, output_tokens: 0, ...(cost_usd === undefined ? {} : { cost_usd }) } },
  });
const failureOf = (work: Promise<unknown>): Promise<unknown> =>
  work.then(
    () => 'nothing was thrown',
    (error: unknown) => error,
  );

describe('executeGate: budgets', () => {
  test('a further try is not paid for once the tokens are spent', async () => {
    const given = await withPolicy();
    given.executors.script('nina', using(says('garbage'), 120), using(outputs(GOOD), 10));
    const failure = await failureOf(given.executeGate(given.input('P00', { budget: { tokens: 100 } })));
    expect(failure).toMatchObject({
      type: 'EXECUTOR_OUT_OF_BUDGET',
      nonRetryable: true,
      message: expect.stringContaining('120 of 100 tokens'),
    });
    expect(given.executors.calls).toHaveLength(1);
  });

  test('the cost counts too, by the price table where the executor says none', async () => {
    const given = await withPolicy();
    given.executors.script('nina', using(says('garbage'), 50, 0.3), using(outputs(GOOD), 10));
    const failure = await failureOf(given.executeGate(given.input('P00', { budget: { cost_usd: 0.25 } })));
    expect(failure).toMatchObject({ message: expect.stringContaining('$0.3 of $0.25') });
  });

  test('an executor that runs is stopped when the wall time is used up', async () => {
    const given = await withPolicy();
    const endless: ScriptStep = ({ signal, watch }) => {
      watch?.started(60_000);
      return new Promise((_, reject) => signal.addEventListener('abort', () => reject(signal.reason)));
    };
    given.executors.script('nina', endless);
    const beats: unknown[] = [];
    given.environment.on('heartbeat', (details: unknown) => beats.push(details));
    const failure = await failureOf(given.executeGate(given.input('P00', { budget: { wall_ms: 120 } })));
    expect(failure).toMatchObject({
      type: 'EXECUTOR_OUT_OF_BUDGET',
      message: expect.stringContaining('a try was stopped'),
    });
    // While it ran, its heartbeats counted it as a try of unknown use.
    expect(beats.map((beat) => gateProgressSchema.parse(beat).spent?.tokens_unknown)).toContain(1);
  });

  test('a result says what it spent where the policy has budgets, and an unknown use is a finding', async () => {
    const given = await withPolicy('budgets: { run: { tokens: 1000, cost_usd: 5 } }\n');
    given.executors.script('nina', using(outputs(GOOD), 30));
    const result = await given.executeGate(given.input('P00'));
    expect(result.spent).toEqual({ ...NOTHING_SPENT, tries: 1, tokens: 30, wall_ms: 12, cost_unknown: 1 });
    expect(result.verdict).toBe('pass');
    expect(result.findings).toMatchObject([
      { rule: 'usage_unknown', blocking: false, message: expect.stringContaining('the cost of 1 of 1 try is unknown') },
    ]);
  });

  test('unknown: refuse blocks, and raises a P08', async () => {
    const given = await withPolicy('budgets: { gates: { P00: { tokens: 1000 } }, unknown: refuse }\n');
    given.executors.script('nina', outputs(GOOD));
    expect(await given.executeGate(given.input('P00'))).toMatchObject({
      verdict: 'fail',
      escalation: { trigger: 'rule_violation' },
    });
  });

  test('a result of a policy without budgets is as before', async () => {
    const given = await withPolicy();
    given.executors.script('nina', outputs(GOOD));
    expect(await given.executeGate(given.input('P00'))).not.toHaveProperty('spent');
  });
});
