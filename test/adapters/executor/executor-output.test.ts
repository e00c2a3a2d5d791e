import { mkdirSync, realpathSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { afterAll, afterEach, beforeEach, describe, expect, test } from 'vitest';
import { createCommandExecutor } from '../../../src/adapters/executor/command-executor.js';
import { createLauncher } from '../../../src/adapters/platform/launcher.js';
import { decoderJsonSchema } from '../../../src/contracts/answers/answer-schema.js';
import { readAnswer } from '../../../src/contracts/answers/read-answer.js';
import { commandExecutorSchema } from '../../../src/contracts/config/executor-config.js';
import { canonicalSha256 } from '../../../src/contracts/json.js';
import { exampleOutputs } from '../../support/gate-outputs.js';
import { printedText } from '../../support/printed.js';

const NODE_DIR = resolve(process.execPath, '..');
const launcher = createLauncher(process.env.PATH);
afterAll(() => launcher.close());

let root: string;
beforeEach(async () => {
  root = realpathSync(await mkdtemp(join(tmpdir(), 'promptos-executor-')));
  mkdirSync(join(root, 'checkout'));
});
afterEach(() => rm(root, { recursive: true, force: true }));

const node = (source: string, ...more: readonly string[]) => ['node', '-e', source, ...more];

function executorOf(argv: readonly string[], config: object = {}, env: Record<string, string> = {}) {
  return createCommandExecutor('nina', commandExecutorSchema.parse({ kind: 'command', argv, ...config }), {
    env: { PATH: `${NODE_DIR}:/usr/bin:/bin`, ...env },
    configDir: root,
    scratchRoot: join(root, 'scratch'),
    programs: launcher,
  });
}

const CALL = {
  run_id: 'run-1',
  gate: 'P00' as const,
  attempt: 1,
  prompt: 'the prompt\n',
  signal: new AbortController().signal,
};
const run = (argv: readonly string[], config: object = {}, env: Record<string, string> = {}) =>
  executorOf(argv, config, env).execute({ ...CALL, directory: join(root, 'checkout') });

const print = (text: string, code = 0) =>
  node(`process.stdout.write(${JSON.stringify(text)}); process.exitCode = ${code}`);
const complain = (text: string, code = 1) =>
  node(`process.stderr.write(${JSON.stringify(text)}); process.exitCode = ${code}`);
const ANSWER = JSON.stringify({ kind: 'output', ...exampleOutputs().P00 });

describe('command executor: failures', () => {
  const OVERLOAD = {
    class: 'transient',
    matches: '(?i)429|rate limit',
    retry_after: { matches: 'in ([0-9.]+s)' },
  };

  test('transient trouble has the delay that the provider names, and how long it is retried', async () => {
    const config = { failures: [OVERLOAD], retry_for: '2h' };
    expect((await run(complain('429 Too Many Requests: try again in 3.5s\n'), config)).failure).toEqual({
      class: 'transient',
      message: '429 Too Many Requests: try again in 3.5s',
      retry_after_ms: 3_500,
      retry_for_ms: 7_200_000,
    });
    expect((await run(complain('rate limit\n'), config)).failure).toMatchObject({ retry_after_ms: null });
  });

  test('a cut stream is recognised, also where the program was stopped at its time-out', async () => {
    const failures = [{ class: 'transient', matches: 'stream (disconnected|ended)' }];
    expect((await run(complain('stream disconnected before completion'), { failures })).failure).toMatchObject({
      class: 'transient',
    });
    const hangs = node('console.error("stream ended, retrying"); setInterval(() => {}, 1000)');
    expect((await run(hangs, { failures, timeout: '2s' })).failure).toMatchObject({ class: 'transient' });
  });

  test('an error text with exit 0 is recognised, by a pointer and by the text of the answer', async () => {
    const stdout = `${JSON.stringify({ type: 'result', is_error: false, result: '[API Error: 401 Incorrect API key]' })}\n`;
    const answer = { pointer: '/result', fence: 'json' };
    const failures = [{ class: 'authentication', pointer: '/result', matches: '^\\[API Error: 401' }];
    const expected = { class: 'authentication', message: '[API Error: 401 Incorrect API key]' };
    expect(await run(print(stdout), { answer, failures })).toMatchObject({ exit_code: 0, failure: expected });
    const byText = [{ class: 'authentication', in: ['answer'], matches: '^\\[API Error: 401' }];
    expect(await run(print(stdout), { answer, failures: byText })).toMatchObject({ exit_code: 0, failure: expected });
  });

  test('an answer of the right form is judged, though it speaks of rate limits', async () => {
    const answer = JSON.stringify({ kind: 'output', summary: 'Handles 429 and the rate limit.' });
    const outcome = await run(print(`working on the rate limit\n${answer}\n`), { failures: [OVERLOAD] });
    expect(outcome).toMatchObject({ answer, problem: null });
    expect(outcome.failure).toBeUndefined();
  });

  test('an answer of the right form counts for nothing with a bad exit', async () => {
    const outcome = await run(print('{"kind":"output"}\n', 75), {
      failures: [{ class: 'transient', exit_codes: [75] }],
    });
    expect(outcome.failure).toMatchObject({ class: 'transient' });
  });

  test('a bad answer has the words of the program as its problem, and nothing else', async () => {
    const failures = [{ class: 'bad_answer', pointer: '/refusal', matches: '.' }];
    const outcome = await run(print('{"refusal":"I cannot do that"}'), { failures });
    expect(outcome).toMatchObject({ answer: null, problem: 'The executor failed: I cannot do that' });
    expect(outcome.failure).toBeUndefined();
  });

  test('without a rule that holds, the outcome is what it was', async () => {
    const outcome = await run(complain('no such thing', 3), { failures: [OVERLOAD] });
    expect(outcome).toMatchObject({
      exit_code: 3,
      problem: 'The executor ended with exit code 3; expected 0. Its standard error ends with: no such thing',
    });
    expect(outcome.failure).toBeUndefined();
  });

  test('the end of a long standard error is shown on one line, without credentials', async () => {
    const config = { env: { allow: ['PATH', 'MODEL_API_KEY'] } };
    const text = `${'at a place\n'.repeat(100)}error: unknown option\n  --key hunter2-hunter2\n`;
    const { problem } = await run(complain(text), config, { MODEL_API_KEY: 'hunter2-hunter2' });
    expect(problem).toMatch(
      /Its standard error ends with: ….*unknown option --key \[masked: the value of MODEL_API_KEY\]$/,
    );
    expect(problem?.length).toBeLessThan(400);
    expect(await run(print('', 1), {})).toMatchObject({
      problem: 'The executor ended with exit code 1; expected 0.',
    });
  });

  test("the program's own credentials are masked whatever their form, and so are known ones", async () => {
    const github = ['ghp', 'A1b2C3d4E5f6G7h8I9j0K1l2M3n4O5p6Q7r8'].join('_');
    const said = 'Incorrect API key provided: hunter2-hunter2 and swordfish9';
    const config = {
      failures: [{ class: 'authentication', exit_codes: [1] }],
      env: { allow: ['PATH', 'MODEL_API_KEY'], set: { OTHER_TOKEN: 'swordfish9', MODE: 'Incorrect' } },
    };
    const { failure } = await run(complain(`${said} ${github}`), config, { MODEL_API_KEY: 'hunter2-hunter2' });
    expect(failure?.message).toMatch(
      /^Incorrect API key provided: \[masked: the value of MODEL_API_KEY\] and \[masked: the value of OTHER_TOKEN\] \[masked: github-token/,
    );
  });
});

describe('command executor: use', () => {
  test('what the model used is read of a failed try too', async () => {
    const stdout = '{"type":"turn","usage":{"in":5}}\n{"type":"error","model":"m-2"}\n';
    const config = { usage: { input_tokens: '/usage/in' }, model: { served_pointer: '/model' } };
    expect(await run(print(stdout, 1), config)).toMatchObject({
      used: { usage: { input_tokens: 5 } },
      served_model: 'm-2',
    });
  });

  test('with the answer in a file, what standard output reports is found', async () => {
    const source = `require('fs').writeFileSync(process.env.PROMPTOS_SCRATCH + '/a.json', '{"kind":"output"}'); console.log('{"usage":{"in":5},"model":"m-1"}')`;
    const config = {
      answer: { from: 'file', file: 'a.json' },
      usage: { input_tokens: '/usage/in' },
      model: { served_pointer: '/model' },
    };
    expect(await run(node(source), config)).toMatchObject({
      answer: '{"kind":"output"}',
      used: { usage: { input_tokens: 5 } },
      served_model: 'm-1',
    });
  });
});

test("command executor: the program's own credentials are in nothing that is read from what it prints", async () => {
  const key = 'hunter2-hunter2';
  const said = { model: `m-1 ${key}`, session: key, request: `req ${key}`, reply: `no ${key}` };
  const config = {
    answer: { pointer: '/answer' },
    model: { served_pointer: '/model' },
    usage: { session_id: '/session', request_id: '/request' },
    env: { allow: ['PATH', 'MODEL_API_KEY'] },
  };
  const outcome = await run(print(JSON.stringify(said)), config, { MODEL_API_KEY: key });
  const mask = '[masked: the value of MODEL_API_KEY]';
  expect(outcome).toMatchObject({
    served_model: `m-1 ${mask}`,
    used: { session_id: mask, request_ids: [`req ${mask}`] },
    problem: expect.stringContaining('"/answer"'),
  });
  expect(JSON.stringify(outcome)).not.toContain(key);
});

test("command executor: the program's own credentials are not shown while it runs", async () => {
  let shown = '';
  const outcome = await executorOf(
    print('key hunter2-hunter2\n'),
    { env: { allow: ['PATH', 'MODEL_API_KEY'] } },
    { MODEL_API_KEY: 'hunter2-hunter2' },
  ).execute({
    ...CALL,
    directory: join(root, 'checkout'),
    watch: {
      started: () => undefined,
      printed: (_, chunk) => {
        shown += new TextDecoder().decode(chunk);
      },
    },
  });
  expect(shown).toBe('key [masked: the value of MODEL_API_KEY]\n');
  expect(printedText(outcome.stdout)).toBe(shown);
});

test('command executor: the name of a model has no credentials', async () => {
  const token = ['gh', 'p_q7Rk2VxT9mZp4LwB8nHs3JdF6cGy1aUe0oKi'].join('');
  const config = { model: { served_pointer: '/model' } };
  for (const model of [token, { [token]: 1 }]) {
    const { served_model } = await run(print(JSON.stringify({ model })), config);
    expect(served_model).toMatch(/^\[masked: github-token/);
  }
});

describe('command executor: placeholders', () => {
  /** Prints its arguments, one variable, and what it finds in the files that the arguments name. */
  const REPORT = `const { readFileSync, readdirSync, statSync } = require('fs');
    const args = process.argv.slice(1);
    const files = args.filter((a) => a.startsWith('/') && statSync(a).isFile())
      .map((a) => ({ text: readFileSync(a, 'utf8'), mode: (statSync(a).mode & 0o777).toString(8) }));
    console.log(JSON.stringify({ args, files, set: process.env.SET, scratch: process.env.PROMPTOS_SCRATCH,
      left: readdirSync(process.env.PROMPTOS_SCRATCH) }));`;
  const report = async (args: readonly string[], config: object = {}) => {
    const { answer } = await run(node(REPORT, '--', ...args), config);
    return JSON.parse(answer ?? 'null') as {
      readonly args: readonly string[];
      readonly files: readonly { readonly text: string; readonly mode: string }[];
      readonly set?: string;
      readonly scratch: string;
      readonly left: readonly string[];
    };
  };

  test('are filled in in arguments and variables; the files have mode 0600 and leave the scratch folder empty', async () => {
    const given = await report(
      [
        '{prompt_file}',
        '{schema_file}',
        '{schema_file_full}',
        '--model={model}',
        '{schema_json}',
        '{"a":1}',
        '{{model}}',
      ],
      { model: { requested: 'large' }, env: { set: { SET: '{scratch}/out {model}' } } },
    );
    const [prompt, schema, full] = given.files;
    expect(prompt).toEqual({ text: 'the prompt\n', mode: '600' });
    expect(schema?.mode).toBe('600');
    expect(JSON.parse(schema?.text ?? '')).toEqual(decoderJsonSchema('P00'));
    expect(schema?.text).not.toContain('maxLength');
    expect(full?.text).toContain('maxLength');
    expect(given.args.slice(3)).toEqual([
      '--model=large',
      JSON.stringify(decoderJsonSchema('P00')),
      '{"a":1}',
      '{model}',
    ]);
    expect(given.set).toBe(`${given.scratch}/out large`);
    expect(given.left).toEqual([]);
  });

  test('that are not named cost no file, and the digest of the arguments is of the config, not of a path', async () => {
    const { descriptor } = executorOf(['agent', '{scratch}']);
    expect(descriptor.arguments_sha256).toBe(canonicalSha256(['{scratch}']));
    const source = `console.log(JSON.stringify(require('fs').readdirSync(process.env.PROMPTOS_SCRATCH + '/..').sort()))`;
    expect((await run(node(source), { answer: { pointer: '' } })).answer).toBe('["files","home"]');
  });
});

describe('command executor: the answer that a schema file asks for', () => {
  test.each([
    ['as the whole text', (answer: string) => answer, {}],
    ['as a text in a result', (answer: string) => JSON.stringify({ result: answer }), { pointer: '/result' }],
    ['as a value in a result', (answer: string) => `{"structured":${answer}}`, { pointer: '/structured' }],
    ['in a fence', (answer: string) => `Done.\n\`\`\`json\n${answer}\n\`\`\`\n`, { fence: 'json' }],
  ])('is taken out of its object, %s', async (_, wrap, answer) => {
    const { answer: found } = await run(print(wrap(`{"answer":${ANSWER}}`)), { answer });
    expect(readAnswer('P00', found ?? '')).toMatchObject({ kind: 'output' });
  });

  test('may say null for what it leaves out, and an escalation reads like any other', async () => {
    const { P07 } = exampleOutputs();
    const finding = { severity: 'low', title: 't', detail: 'd', path: null, line: null };
    const review = { kind: 'output', ...P07, findings: [finding] };
    const { answer } = await run(print(JSON.stringify({ answer: review })));
    expect(readAnswer('P07', answer ?? '')).toMatchObject({ kind: 'output', output: { findings: [{ title: 't' }] } });
    const report = {
      issue: 'i',
      impact: '',
      context: '',
      options: ['o'],
      recommendation: '',
      security_sensitive: false,
    };
    const escalation = await run(print(JSON.stringify({ answer: { kind: 'escalation', report } })));
    expect(readAnswer('P07', escalation.answer ?? '')).toEqual({ kind: 'escalation', report });
  });

  test('with a second member beside it is no such object', async () => {
    const { answer } = await run(print(`{"answer":${ANSWER},"more":1}`));
    expect(readAnswer('P00', answer ?? '')).toMatchObject({ kind: 'unusable' });
  });
});
