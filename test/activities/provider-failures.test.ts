import { afterEach, describe, expect, test } from 'vitest';
import { gateProgressSchema } from '../../src/contracts/run/gate-progress.js';
import type { ExecutorFailure } from '../../src/ports/gate-executor.js';
import { exampleOutputs } from '../support/gate-outputs.js';
import { createGovernedRepository, EXAMPLE_POLICY, type GovernedRepository } from '../support/governed-repository.js';
import { outputs, type ScriptStep, says } from '../support/scripted-executor.js';

const made: GovernedRepository[] = [];
afterEach(async () => {
  await Promise.all(made.splice(0).map((repository) => repository.remove()));
});
const surroundings = async () => {
  const repository = await createGovernedRepository({ policy: `${EXAMPLE_POLICY}baseline: off\n` });
  made.push(repository);
  return repository;
};

const GOOD = exampleOutputs();
const failsWith =
  (failure: ExecutorFailure): ScriptStep =>
  () => ({ exit_code: 1, problem: 'exit code 1', failure });
const transient = (message = '429 Too Many Requests'): ExecutorFailure => ({
  ...{ class: 'transient', message, retry_after_ms: 30_000, retry_for_ms: 86_400_000 },
});
const failureOf = (work: Promise<unknown>): Promise<unknown> =>
  work.then(
    () => 'nothing was thrown',
    (error: unknown) => error,
  );

describe('executeGate: failures of the provider', () => {
  test('transient trouble ends the attempt with its delay, and the heartbeat says until when', async () => {
    const given = await surroundings();
    given.executors.script('nina', failsWith(transient()));
    const beats: unknown[] = [];
    given.environment.on('heartbeat', (details: unknown) => beats.push(details));
    expect(await failureOf(given.executeGate(given.input('P00')))).toMatchObject({
      type: 'EXECUTOR_OVERLOADED',
      nonRetryable: false,
      nextRetryDelay: 30_000,
      message: expect.stringContaining('429 Too Many Requests'),
    });
    const last = gateProgressSchema.parse(beats.at(-1));
    expect(last.activity).toBe(`wait for the provider until ${last.provider_wait?.until}`);
    expect(last.provider_wait).toMatchObject({ times: 1 });
    expect(given.executors.calls).toHaveLength(1);
  });

  test('it uses no try: one that comes after a bad answer ends the attempt too', async () => {
    const given = await surroundings();
    given.executors.script('nina', says('garbage'), failsWith(transient()));
    expect(await failureOf(given.executeGate(given.input('P00')))).toMatchObject({ type: 'EXECUTOR_OVERLOADED' });
    expect(given.executors.calls).toHaveLength(2);
  });

  test.each([
    ['authentication', 'EXECUTOR_NOT_AUTHENTICATED'],
    ['configuration', 'EXECUTOR_MISCONFIGURED'],
    ['budget', 'EXECUTOR_OUT_OF_BUDGET'],
  ] as const)('%s is final at once, in the words of the provider, without credentials', async (of, code) => {
    const given = await surroundings();
    const token = ['ghp', 'A1b2C3d4E5f6G7h8I9j0K1l2M3n4O5p6Q7r8'].join('_');
    given.executors.script('nina', failsWith({ class: of, message: `Refused: ${token}` }));
    const failure = await failureOf(given.executeGate(given.input('P00')));
    expect(failure).toMatchObject({ type: code, nonRetryable: true });
    expect(String(failure)).toContain('Refused: [masked: github-token');
    expect(String(failure)).not.toContain(token);
    expect(given.executors.calls).toHaveLength(1);
  });

  test('a credential of an executor of a team, at the place where the message is clipped, is masked whole', async () => {
    const given = await surroundings();
    const token = ['ghp', 'A1b2C3d4E5f6G7h8I9j0K1l2M3n4O5p6Q7r8'].join('_');
    given.executors.script('nina', failsWith({ class: 'budget', message: `${'x'.repeat(1_220)} ${token}` }));
    expect(String(await failureOf(given.executeGate(given.input('P00'))))).not.toContain('ghp_');
  });
});

describe('executeGate: what is recorded of a try', () => {
  test('the class of its failure, the model that answered and what it used', async () => {
    const given = await surroundings();
    const used = { usage: { input_tokens: 7, cost_usd: 0.01 }, session_id: 's-1', request_ids: ['r-1'] };
    given.executors.script('nina', says('garbage'), async (call) => ({
      ...(await outputs(GOOD.P00)(call)),
      served_model: 'm-1',
      used,
    }));
    const record = await given.record(await given.executeGate(given.input('P00')));
    expect(record.tries).toMatchObject([
      { number: 1, failure: 'bad_answer', served_model: null },
      { number: 2, problem: null, served_model: 'm-1', ...used },
    ]);
    expect(record.tries[0]).not.toHaveProperty('usage');
    expect(record.tries[1]).not.toHaveProperty('failure');
  });
});
