import { symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type AgentBox, createAgentBox, linesOf } from '../../support/acp/agent-box.js';
import type { AgentScript, Step } from '../../support/acp/script.js';
import { printedText } from '../../support/printed.js';

const ANSWER = { kind: 'output', summary: 'The context is understood.', constraints: [], questions: [] };
const FENCED: Step = { do: 'say', text: `I read it.\n\n\`\`\`json\n${JSON.stringify(ANSWER, null, 2)}\n\`\`\`\n` };
const BARE: Step = { do: 'say', text: JSON.stringify(ANSWER) };

const turn = (steps: readonly Step[], answer: Readonly<Record<string, unknown>> = {}): AgentScript => ({
  turns: [{ steps, answer }],
});

const OPTIONS = [
  { optionId: 'yes-always', name: 'Always', kind: 'allow_always' },
  { optionId: 'yes', name: 'Allow', kind: 'allow_once' },
  { optionId: 'no', name: 'Reject', kind: 'reject_once' },
] as const;

let box: AgentBox;
beforeAll(async () => {
  box = await createAgentBox();
});
afterAll(() => box.close());

describe.runIf(process.platform === 'linux')('ACP executor, in the sandbox', () => {
  test('answers a gate, with what the session used and which agent it was', async () => {
    const usage = { totalTokens: 15, inputTokens: 12, outputTokens: 3, cachedReadTokens: 7 };
    const cost: Step = {
      do: 'update',
      update: { sessionUpdate: 'usage_update', used: 15, size: 1_000, cost: { amount: 0.25, currency: 'USD' } },
    };
    const outcome = await box.run(turn([FENCED, cost], { usage }));
    expect(outcome).toMatchObject({ exit_code: 0, problem: null, served_model: null });
    expect(JSON.parse(outcome.answer ?? '')).toEqual(ANSWER);
    expect(outcome.agent).toEqual({ name: 'Stand-in', version: '1.2.3' });
    expect(outcome.used?.usage).toEqual({ input_tokens: 12, output_tokens: 3, cached_tokens: 7, cost_usd: 0.25 });
    expect(outcome.failure).toBeUndefined();
  });

  test('has a session of its own for each try, with the prompt as it was given', async () => {
    const script = turn([{ do: 'say', text: 'heard {prompt}\n' }, BARE]);
    const outcomes = [await box.run(script, { prompt: 'one' }), await box.run(script, { prompt: 'two' })];
    const ids = outcomes.map(({ used }) => used?.session_id);
    expect(ids.every((id) => /^[0-9a-f-]{36}$/.test(id ?? ''))).toBe(true);
    expect(new Set(ids).size).toBe(2);
    expect(outcomes.map((outcome) => linesOf(outcome, 'message')[0]?.text)).toEqual([
      expect.stringContaining('heard one'),
      expect.stringContaining('heard two'),
    ]);
  });

  test('names the agent in its descriptor, and nothing of where this machine has our client', () => {
    const { descriptor } = box.executor(turn([]));
    expect(descriptor).toMatchObject({ kind: 'acp', program: 'stand-in', sandbox: 'bubblewrap' });
    const other = box.executor(turn([]), { model: 'large' }).descriptor;
    expect(other).toMatchObject({ requested_model: 'large' });
    expect(other.arguments_sha256).not.toBe(descriptor.arguments_sha256);
  });

  test('of several messages takes the one with the answer, whatever follows it', async () => {
    const tool: Step = { do: 'update', update: { sessionUpdate: 'tool_call', toolCallId: 't', title: 'Tidy up' } };
    const pretty: Step = { do: 'say', text: JSON.stringify(ANSWER, null, 2) };
    const outcome = await box.run(
      turn([{ do: 'say', text: 'Let me see.' }, tool, pretty, tool, { do: 'say', text: 'Done.' }]),
    );
    expect(JSON.parse(outcome.answer ?? '')).toEqual(ANSWER);
  });

  test('an agent edits files of the checkout by itself and through the client', async () => {
    const outcome = await box.run(
      turn([
        { do: 'edit', path: 'own.txt', text: 'by the agent' },
        {
          do: 'call',
          method: 'fs/write_text_file',
          params: { path: '{checkout}/src/new/served.txt', content: 'one\ntwo\nthree\n' },
        },
        {
          do: 'call',
          method: 'fs/read_text_file',
          params: { path: '{checkout}/src/new/served.txt', line: 2, limit: 1 },
        },
        BARE,
      ]),
      { gate: 'P05' },
    );
    expect(outcome.problem).toBeNull();
    expect(box.read('own.txt')).toBe('by the agent');
    expect(box.read('src/new/served.txt')).toBe('one\ntwo\nthree\n');
    expect(linesOf(outcome, 'write_file')).toMatchObject([{ problem: null }]);
    expect(JSON.stringify(linesOf(outcome, 'message'))).toContain('two\\\\n');
  });

  test('serves no file outside the checkout and the scratch folder, by whatever path', async () => {
    symlinkSync('/etc', join(box.checkout, 'etc'));
    symlinkSync(join(box.root, 'gone'), join(box.checkout, 'nowhere'));
    const paths = ['/etc/passwd', '{checkout}/../secret.txt', '{checkout}/etc/passwd', 'README.md', '{checkout}'];
    const reads = paths.map((path): Step => ({ do: 'call', method: 'fs/read_text_file', params: { path } }));
    const writes = ['/tmp/x', '{checkout}/nowhere', '{checkout}/etc/x'].map(
      (path): Step => ({ do: 'call', method: 'fs/write_text_file', params: { path, content: 'x' } }),
    );
    const outcome = await box.run(turn([...reads, ...writes, BARE]));
    expect(outcome.problem).toBeNull();
    expect(linesOf(outcome, 'read_file').map(({ problem }) => problem)).toEqual([
      expect.stringContaining('is outside'),
      expect.stringContaining('is outside'),
      expect.stringContaining('is outside'),
      expect.stringContaining('expected an absolute path'),
      expect.stringContaining('is no regular file'),
    ]);
    expect(linesOf(outcome, 'write_file').map(({ problem }) => problem)).toEqual([
      expect.stringContaining('is outside'),
      expect.stringContaining('leads nowhere'),
      expect.stringContaining('is outside'),
    ]);
  });

  test('allows what the rule allows, each call by itself, and records it', async () => {
    const edit: Step = { do: 'edit', path: 'allowed.txt', text: 'yes' };
    const outcome = await box.run(
      turn([
        { do: 'ask', tool: { toolCallId: 'e', kind: 'edit', title: 'Write it' }, options: OPTIONS, granted: [edit] },
        BARE,
      ]),
    );
    expect(box.read('allowed.txt')).toBe('yes');
    expect(linesOf(outcome, 'permission')).toMatchObject([
      { tool_call: { id: 'e', kind: 'edit', title: 'Write it' }, decision: 'allowed', option: 'yes' },
    ]);
    expect(linesOf(outcome, 'result')).toMatchObject([{ permissions: { allowed: 1, refused: 0 } }]);
  });

  test('refuses what the rule does not allow, by the kind that the call was announced with', async () => {
    const announced: Step = {
      do: 'update',
      update: { sessionUpdate: 'tool_call', toolCallId: 'x', kind: 'execute', title: 'rm -r src' },
    };
    const granted: readonly Step[] = [{ do: 'edit', path: 'refused.txt', text: 'no' }];
    const asks = [{ toolCallId: 'x' }, { toolCallId: 'new', kind: 'teleport' }].map(
      (tool): Step => ({ do: 'ask', tool, options: OPTIONS, granted }),
    );
    const outcome = await box.run(turn([announced, ...asks, BARE]), {
      config: { permissions: { allow: ['read', 'edit'] } },
    });
    expect(() => box.read('refused.txt')).toThrow('ENOENT');
    expect(linesOf(outcome, 'permission')).toMatchObject([
      { tool_call: { kind: 'execute', title: 'rm -r src' }, decision: 'refused', option: 'no' },
      { tool_call: { kind: 'other' }, decision: 'refused', option: 'no' },
    ]);
    expect(outcome.problem).toBeNull();
  });

  test('offers no files where the config says so, and commands all the same', async () => {
    const outcome = await box.run(turn([BARE]), { config: { client_files: false } });
    expect(printedText(outcome.stderr)).toContain(
      'offered {"fs":{"readTextFile":false,"writeTextFile":false},"terminal":true',
    );
  });

  test('offers and serves only what the rule allows', async () => {
    const calls: readonly Step[] = [
      { do: 'call', method: 'fs/read_text_file', params: { path: '{checkout}/own.txt' } },
      { do: 'call', method: 'fs/write_text_file', params: { path: '{checkout}/w.txt', content: 'x' } },
      { do: 'call', method: 'terminal/create', params: { command: 'touch {checkout}/t.txt' } },
    ];
    const outcome = await box.run(turn([...calls, BARE]), { config: { permissions: 'refuse' } });
    expect(printedText(outcome.stderr)).toContain(
      'offered {"fs":{"readTextFile":false,"writeTextFile":false},"terminal":false',
    );
    const events = linesOf(outcome).filter(({ type }) =>
      ['read_file', 'write_file', 'terminal'].includes(String(type)),
    );
    expect(events.map(({ problem }) => problem)).toEqual(
      ['read', 'edit', 'execute'].map((kind) => expect.stringContaining(`no tool calls of the kind "${kind}"`)),
    );
    expect(() => box.read('w.txt')).toThrow('ENOENT');
    expect(() => box.read('t.txt')).toThrow('ENOENT');
  });

  test('runs commands in the checkout, and keeps what they print', async () => {
    writeFileSync(join(box.checkout, 'words.txt'), 'of the checkout');
    const outcome = await box.run(
      turn([
        { do: 'run', params: { command: 'cat words.txt && exit 3' } },
        { do: 'run', params: { command: 'sh', args: ['-c', 'echo $WORD'], env: [{ name: 'WORD', value: 'given' }] } },
        { do: 'run', params: { command: 'no-such-program', args: ['x'] } },
        { do: 'run', params: { command: 'printf "aé%s" bcdef', outputByteLimit: 6 } },
        { do: 'call', method: 'terminal/create', params: { command: 'ls', cwd: '/etc' } },
        BARE,
      ]),
    );
    expect(linesOf(outcome, 'terminal_ended')).toMatchObject([
      { output: 'of the checkout', exit: { exitCode: 3, signal: null } },
      { output: 'given\n', exit: { exitCode: 0 } },
      { exit: { exitCode: 127 }, output: expect.stringContaining('ENOENT') },
      { output: 'bcdef', truncated: true },
    ]);
    expect(linesOf(outcome, 'terminal').at(-1)).toMatchObject({ problem: expect.stringContaining('is outside') });
    expect(outcome.problem).toBeNull();
  });

  test('has plans, tool calls, thoughts and updates of newer agents in the transcript', async () => {
    const updates = [
      { sessionUpdate: 'plan', entries: [{ content: 'Read', priority: 'high', status: 'pending' }] },
      { sessionUpdate: 'tool_call', toolCallId: 'a', title: 'Read README.md', kind: 'read', status: 'pending' },
      { sessionUpdate: 'tool_call_update', toolCallId: 'a', status: 'completed', rawOutput: 'x'.repeat(100_000) },
      { sessionUpdate: 'of_tomorrow', value: 1 },
    ];
    const outcome = await box.run(
      turn([
        { do: 'think', text: 'Hm' },
        { do: 'think', text: 'm.' },
        ...updates.map((update): Step => ({ do: 'update', update })),
        BARE,
      ]),
    );
    expect(linesOf(outcome, 'thought')).toEqual([{ type: 'thought', text: 'Hmm.' }]);
    const [plan, call, ended, newer] = linesOf(outcome, 'update').map(({ update }) => update);
    expect([plan, call, newer]).toEqual([updates[0], updates[1], updates[3]]);
    expect(JSON.stringify(ended).length).toBeLessThan(20_000);
    expect(linesOf(outcome, 'result')).toMatchObject([{ tool_calls: 1 }]);
    expect(outcome.work).toMatchObject({
      parameters: { argv: [expect.stringMatching(/stand-in$/)], settings: { permissions: 'allow' } },
      tools: { listed_by: 'client', names: ['fs/read_text_file', 'fs/write_text_file', 'terminal'] },
      tool_calls: { total: 1, by_tool: [{ tool: 'read', calls: 1 }] },
    });
  });
});
