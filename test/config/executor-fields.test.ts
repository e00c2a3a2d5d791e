import { describe, expect, test } from 'vitest';
import { readWorkerConfig } from '../../src/config/worker-config-file.js';
import { refusalOf, temporaryFile } from './documents.js';

const fileWith = (executor: object): Promise<string> =>
  temporaryFile(
    'worker.yaml',
    `schema_version: 1\ntrust: { policies: [policy.yaml] }\nexecutors: ${JSON.stringify({ w: { kind: 'command', argv: ['x'], ...executor } })}\n`,
  );
const read = async (executor: object) => (await readWorkerConfig(await fileWith(executor))).executors.w;
const refuse = async (executor: object) => refusalOf(readWorkerConfig(await fileWith(executor)));

describe('readWorkerConfig: placeholders', () => {
  test.each([
    [
      'an unknown one in argv',
      { argv: ['x', '--s={schema}'] },
      'argv[1]: has 1 unknown placeholder, {schema}: expected {scratch}, {schema_file}',
    ],
    ['an unknown one in env.set', { env: { set: { A: '{home}' } } }, 'env.set.A: has 1 unknown placeholder, {home}'],
    ['{model} without a model', { argv: ['x', '{model}'] }, 'has {model}: expected model.requested'],
  ])('%s is refused with what is expected', async (_, executor, problem) => {
    const error = await refuse(executor);
    expect(error).toMatchObject({ code: 'WORKER_CONFIG_INVALID', summary: expect.stringContaining(problem) });
  });

  test('known ones, JSON and literals stay as they are written', async () => {
    const argv = ['x', '{schema_file}', '{"a":1}', 'p={name="x"}', '{{schema}}', '{model}'];
    expect(await read({ argv, model: { requested: 'm' } })).toMatchObject({ argv });
  });
});

describe('readWorkerConfig: failure rules', () => {
  const refuseRule = (rule: object) => refuse({ failures: [rule] });

  test.each([
    ['nothing to match', { class: 'transient' }, 'expected at least one of "exit_codes", "pointer" and "matches"'],
    [
      'equals without a pointer',
      { class: 'transient', matches: 'x', equals: [1] },
      'expected the pointer to the value',
    ],
    [
      'a backreference',
      { class: 'transient', matches: '(a)\\1' },
      'expected a regular expression in the syntax of RE2',
    ],
    ['an unclosed group', { class: 'transient', matches: '(' }, 'expected a regular expression in the syntax of RE2'],
    ['an unknown class', { class: 'lost', exit_codes: [1] }, 'failures[0].class'],
    ['a pointer without a slash', { class: 'budget', pointer: 'result' }, 'expected a JSON pointer such as "/result"'],
    [
      'a delay of a class that has none',
      { class: 'budget', exit_codes: [1], retry_after: { pointer: '/x' } },
      'expected it with the class "transient" alone',
    ],
    [
      'a delay without a group',
      { class: 'transient', exit_codes: [1], retry_after: { matches: 'in [0-9]+' } },
      'expected exactly one group',
    ],
    [
      'a delay in two places',
      { class: 'transient', exit_codes: [1], retry_after: { matches: '(x)', pointer: '/x' } },
      'expected either "pointer" or "matches"',
    ],
  ])('%s is refused', async (_, rule, problem) => {
    const error = await refuseRule(rule);
    expect(error).toMatchObject({ code: 'WORKER_CONFIG_INVALID', summary: expect.stringContaining(problem) });
  });

  test('without any, transient trouble is retried for a day', async () => {
    expect(await read({})).toMatchObject({ failures: [], retry_for: 86_400_000, usage: { take: 'last' } });
    expect(await read({ retry_for: '90s' })).toMatchObject({ retry_for: 90_000 });
  });
});
