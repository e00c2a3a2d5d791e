import { existsSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type AgentBox, createAgentBox, linesOf } from '../../support/acp/agent-box.js';
import type { AgentScript, Step } from '../../support/acp/script.js';
import { printedText } from '../../support/printed.js';
import { untilDone } from '../platform/processes.js';

const BARE: Step = {
  do: 'say',
  text: JSON.stringify({ kind: 'output', summary: 's', constraints: [], questions: [] }),
};

const turn = (steps: readonly Step[], answer: Readonly<Record<string, unknown>> = {}): AgentScript => ({
  turns: [{ steps, answer }],
});

let box: AgentBox;
beforeAll(async () => {
  box = await createAgentBox();
});
afterAll(() => box.close());

describe.runIf(process.platform === 'linux')('ACP executor, in the sandbox', () => {
  test.each([
    [{ code: -32_603, message: 'Internal error', data: { errorKind: 'rate_limit' } }, 'transient', /Internal error/],
    [
      { code: -32_603, message: 'Internal error', data: { message: '429 Too many requests. Try again in 20s.' } },
      'transient',
      /429 Too many requests/,
    ],
    [{ code: -32_603, message: 'Internal error', data: { details: { status: 401 } } }, 'authentication', /Internal/],
    [{ code: -32_603, message: 'Internal error: Incorrect API key provided: t***.' }, 'authentication', /Incorrect/],
    [{ code: -32_603, message: 'x', data: { codexErrorInfo: 'usage limit reached', status: 429 } }, 'budget', /^x$/],
    [{ code: -32_603, message: 'The model gpt-9 does not exist' }, 'configuration', /gpt-9/],
  ] as const)(
    'an error of the provider has its class: %j is %s',
    async ({ code, message, ...data }, expected, words) => {
      const outcome = await box.run(turn([{ do: 'fail', code, message, ...data }]));
      expect(outcome).toMatchObject({ answer: null, exit_code: 1 });
      expect(outcome.failure).toMatchObject({ class: expected, message: expect.stringMatching(words) });
    },
  );

  test('an error that says nothing known is a bad answer, in the words of the agent', async () => {
    const outcome = await box.run(
      turn([{ do: 'fail', code: -32_603, message: 'It broke', data: { details: 'badly' } }]),
    );
    expect(outcome.failure).toBeUndefined();
    expect(outcome.problem).toBe('The executor failed: It broke: badly');
  });

  test('trouble of the provider in the place of an answer is recognised, and left alone within one', async () => {
    const words = 'exceeded retry limit, last status: 429 Too Many Requests\n\n';
    const outcome = await box.run(turn([{ do: 'say', text: words }]));
    expect(outcome.failure).toMatchObject({ class: 'transient', message: words.trim() });
    const answered = await box.run(turn([{ do: 'say', text: `I saw error 429 in the log.\n` }, BARE]));
    expect(answered).toMatchObject({ problem: null });
    expect(answered.failure).toBeUndefined();
  });

  test('rules of the worker config come before those of the kind', async () => {
    const failures = [
      { class: 'configuration', pointer: '/error/message', matches: 'It broke', message: '/error/data/why' },
    ];
    const outcome = await box.run(
      turn([{ do: 'fail', code: -32_000, message: 'It broke', data: { why: 'no quota' } }]),
      {
        config: { failures },
      },
    );
    expect(outcome.failure).toEqual({ class: 'configuration', message: 'no quota' });
  });

  test('an agent that wants authentication is asked for the way that the config names, and says which it has', async () => {
    const script: AgentScript = {
      ...turn([BARE]),
      requiresAuth: 'api-key',
      authMethods: [
        { id: 'login', name: 'Log in' },
        { id: 'api-key', name: 'API key' },
      ],
    };
    const without = await box.run(script);
    expect(without.failure).toMatchObject({
      class: 'authentication',
      message: expect.stringContaining('ways of authentication that the agent offers: login, api-key'),
    });
    expect(await box.run(script, { config: { auth: 'api-key' } })).toMatchObject({ problem: null, exit_code: 0 });
  });

  test.each([
    ['refusal', 'The agent refused to go on.'],
    ['max_tokens', 'The model reached its limit of tokens before the agent had ended.'],
    ['max_turn_requests', 'The agent reached its limit of requests to the model before it had ended.'],
    ['of_tomorrow', 'The agent stopped for a reason that is not known: "of_tomorrow".'],
  ])('a turn that stops for %s is a bad answer, though it has the form of one', async (stopReason, problem) => {
    const outcome = await box.run(turn([BARE], { stopReason }));
    expect(outcome).toMatchObject({ answer: null, problem: `The executor failed: ${problem}` });
    expect(linesOf(outcome, 'result')).toMatchObject([{ stop_reason: stopReason }]);
  });

  test('mode and model are set as the agent lists them, in either form of the protocol', async () => {
    const listed = {
      modes: { currentModeId: 'ask', availableModes: [{ id: 'ask' }, { id: 'code' }] },
      models: { currentModelId: 'small', availableModels: [{ modelId: 'small' }, { modelId: 'large' }] },
    };
    const option = (id: string, values: readonly string[]) => ({
      ...{ type: 'select', id, name: id, category: id, currentValue: values[0] },
      options: [{ group: 'g', name: 'G', options: values.map((value) => ({ value, name: value })) }],
    });
    const configOptions = [option('mode', ['ask', 'code']), option('model', ['small', 'large'])];
    const config = { mode: 'code', model: 'large' };
    const [older, newer] = [
      await box.run({ ...turn([BARE]), session: listed }, { config }),
      await box.run({ ...turn([BARE]), session: { configOptions } }, { config }),
    ];
    expect(printedText(older.stderr)).toMatch(/mode code\nmodel .*"modelId":"large"/);
    expect(printedText(newer.stderr)).toMatch(/option mode "code"\noption model "large"/);
    expect(linesOf(newer, 'result')).toMatchObject([{ mode: 'code', model: 'large' }]);
    const unset = await box.run({ ...turn([BARE]), session: listed });
    expect(linesOf(unset, 'result')).toMatchObject([{ mode: 'ask', model: 'small' }]);
    const unknown = await box.run({ ...turn([BARE]), session: listed }, { config: { model: 'huge' } });
    expect(unknown.failure).toEqual({
      class: 'configuration',
      message: 'The agent does not offer the model "huge": it offers small, large.',
    });
  });

  test('an agent that crashes is a bad answer with the end of what it complained', async () => {
    const outcome = await box.run(turn([BARE, { do: 'exit', code: 7, complaint: 'out of cheese' }]));
    expect(outcome.answer).toBeNull();
    expect(outcome.problem).toContain('The agent ended with exit code 7 before it had answered.');
    expect(outcome.problem).toContain('out of cheese');
  });

  test('an agent that ends at once for want of a key needs a person', async () => {
    const exitAtStart = { code: 41, complaint: 'Invalid API key. Please log in.' };
    const outcome = await box.run({ ...turn([]), exitAtStart });
    expect(outcome.failure).toMatchObject({
      class: 'authentication',
      message: expect.stringContaining('exit code 41'),
    });
  });

  test('a program that is missing is named', async () => {
    await expect(box.run(turn([]), { config: { argv: ['no-such-agent', '--acp'] } })).rejects.toThrow(
      'The program "no-such-agent" does not exist (ENOENT).',
    );
  });

  test('garbage between the messages is kept and does no harm', async () => {
    const garbage: readonly Step[] = [
      { do: 'print', text: '\u0000\u0001{"half":\n[1,2]\n"text"\n{"jsonrpc":"2.0","id":99,"result":{}}\n' },
      { do: 'update', update: { sessionUpdate: 'agent_message_chunk', content: 7 } },
      { do: 'update', update: { sessionUpdate: 'tool_call' } },
    ];
    const outcome = await box.run({ ...turn([...garbage, BARE]), banner: 'Welcome!\n\n' });
    expect(outcome).toMatchObject({ problem: null, exit_code: 0 });
    expect(linesOf(outcome, 'noise').map(({ line }) => line)).toEqual([
      'Welcome!',
      '\u0000\u0001{"half":',
      '[1,2]',
      '"text"',
    ]);
  });

  test('a program that does not speak the protocol is named as such', async () => {
    const deaf = await box.run({ ...turn([]), deaf: true }, { config: { timeout: '4s' } });
    expect(deaf.failure).toEqual({
      class: 'configuration',
      message:
        'The agent did not answer "initialize" within 2 s. Check that its command line starts the Agent Client Protocol.',
    });
    const newer = await box.run({ ...turn([]), protocolVersion: 7 });
    expect(newer.failure).toMatchObject({
      class: 'configuration',
      message: 'The agent speaks version 7 of the Agent Client Protocol; expected 1.',
    });
  });

  test('an agent that hangs is stopped, and asked to cancel before', async () => {
    const outcome = await box.run(
      turn([
        { do: 'say', text: 'wait' },
        { do: 'hang', noteCancel: 'timed-out' },
      ]),
      {
        config: { timeout: '3s' },
      },
    );
    expect(outcome.problem).toBe('The executor was stopped: it ran longer than 3 s.');
    expect(box.read('timed-out')).toBe('cancelled');
    expect(linesOf(outcome, 'message')).toEqual([{ type: 'message', text: 'wait' }]);
    expect(linesOf(outcome, 'result')).toMatchObject([{ stop_reason: 'cancelled' }]);
  });

  test('a run that is cancelled cancels the session', async () => {
    const controller = new AbortController();
    const marker = join(box.checkout, 'working');
    const running = box.run(
      turn([
        { do: 'edit', path: 'working', text: '' },
        { do: 'hang', noteCancel: 'cancelled-run' },
      ]),
      { signal: controller.signal },
    );
    await Promise.all([
      expect(running).rejects.toThrow('the run was cancelled'),
      (async () => {
        await untilDone(running, () => existsSync(marker));
        controller.abort(new Error('the run was cancelled'));
      })(),
    ]);
    expect(box.read('cancelled-run')).toBe('cancelled');
    await rm(marker);
  });

  test('a long session within its limit is read to its end', async () => {
    const outcome = await box.run(turn([{ do: 'flood', bytes: 20_000_000 }, { do: 'think', text: '' }, BARE]), {
      config: { max_output_bytes: 60_000_000 },
    });
    expect(outcome).toMatchObject({ problem: null, exit_code: 0 });
    expect(outcome.answer).toContain('"kind":"output"');
  });
});
