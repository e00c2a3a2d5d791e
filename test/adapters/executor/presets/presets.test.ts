import { chmodSync, mkdirSync, writeFileSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import process from 'node:process';
import { expect, onTestFinished, test } from 'vitest';
import { createCommandExecutor, createExecutorRegistry } from '../../../../src/adapters/executor/command-executor.js';
import { AGENT_PRESETS, executorLacks, resolveExecutor } from '../../../../src/adapters/executor/presets/presets.js';
import { commandExecutorSchema } from '../../../../src/contracts/config/executor-config.js';
import { presetExecutorSchema } from '../../../../src/contracts/config/preset-executor.js';
import { workerConfigSchema } from '../../../../src/contracts/config/worker-config.js';
import { AGENTS } from '../../../../src/contracts/names.js';

const preset = (fields: object) => presetExecutorSchema.parse({ kind: 'preset', agent: 'claude', ...fields });

async function place() {
  const root = await mkdtemp(join(tmpdir(), 'promptos-presets-'));
  onTestFinished(() => rm(root, { recursive: true, force: true }));
  for (const folder of ['bin', 'checkout']) mkdirSync(join(root, folder));
  const program = (name: string, source: string) => {
    writeFileSync(join(root, 'bin', name), `#!/bin/sh\n${source}\n`);
    chmodSync(join(root, 'bin', name), 0o755);
  };
  const PATH = `${join(root, 'bin')}:${dirname(process.execPath)}:/usr/bin:/bin`;
  const options = (env: object) => ({
    env: { PATH, ...env },
    configDir: root,
    scratchRoot: join(root, 'scratch'),
  });
  const call = {
    run_id: 'run-1',
    gate: 'P00',
    attempt: 1,
    prompt: 'the prompt\n',
    directory: join(root, 'checkout'),
    signal: new AbortController().signal,
  } as const;
  return { root, program, options, call };
}

test.each(AGENTS)('presets: %s becomes a whole command executor, with and without a model', (agent) => {
  const plain = resolveExecutor(preset({ agent }), 'none');
  const { argv, sandbox_argv, model_argv, hosts, credentials } = AGENT_PRESETS[agent];
  const whole = [...argv, ...(sandbox_argv?.none ?? [])];
  expect(plain.argv).toEqual(whole);
  expect(plain).toMatchObject({ kind: 'command', network: { hosts }, model: {}, timeout: 1_800_000 });
  expect(plain.env.allow).toEqual(['PATH', 'LANG', 'LC_ALL', 'TMPDIR', ...credentials]);
  expect(plain.failures.map((rule) => rule.class)).toEqual(expect.arrayContaining(['transient', 'authentication']));
  const asked = resolveExecutor(preset({ agent, model: 'large', arguments: ['--more'] }), 'none');
  expect(asked.argv).toEqual([...whole, ...model_argv, '--more']);
  expect(asked.model.requested).toBe('large');
});

test('presets: what the config says goes before what the preset says', () => {
  const config = preset({
    env: { allow: ['HTTPS_PROXY'], set: { CLAUDE_CODE_MAX_RETRIES: '9' } },
    network: { hosts: ['models.example.com'] },
    timeout: '5m',
    retry_for: '2h',
  });
  const command = resolveExecutor(config, 'none');
  expect(command.env.allow).toContain('HTTPS_PROXY');
  expect(command.env.set).toMatchObject({ CLAUDE_CODE_MAX_RETRIES: '9', DISABLE_AUTOUPDATER: '1' });
  expect(command).toMatchObject({ network: { hosts: ['models.example.com'] }, timeout: 300_000, retry_for: 7_200_000 });
});

test('presets: codex has a sandbox of its own where the worker has none, and only there', () => {
  expect(resolveExecutor(preset({ agent: 'codex' }), 'none').argv).toContain('workspace-write');
  for (const sandbox of ['bubblewrap', 'sandbox-exec'] as const) {
    const { argv } = resolveExecutor(preset({ agent: 'codex' }), sandbox);
    expect(argv).toContain('danger-full-access');
    expect(argv).not.toContain('workspace-write');
  }
});

test('presets: an unknown agent, and a field of a command, are refused', () => {
  const worker = (executor: object) =>
    workerConfigSchema.safeParse({
      schema_version: 1,
      trust: { policies: ['policy.yaml'] },
      executors: { writer: executor },
    });
  expect(worker({ kind: 'preset', agent: 'claude' }).success).toBe(true);
  expect(worker({ kind: 'preset', agent: 'claud' }).success).toBe(false);
  expect(worker({ kind: 'preset', agent: 'claude', argv: ['x'] }).success).toBe(false);
  const placeholder = worker({ kind: 'preset', agent: 'claude', arguments: ['{modle}'] });
  expect(placeholder.error?.issues).toMatchObject([{ path: ['executors', 'writer', 'arguments', 0] }]);
});

test('presets: a missing key is one sentence with all its principals, and one of several variables is enough', () => {
  const executors = { writer: preset({}), reviewer: preset({}), other: preset({ agent: 'codex' }) };
  expect(executorLacks(executors, { CODEX_API_KEY: 'k', ANTHROPIC_API_KEY: '' })).toEqual([
    {
      code: 'EXECUTOR_KEY_MISSING',
      message:
        'writer, reviewer: Claude Code has no key of its model service: set ANTHROPIC_API_KEY or CLAUDE_CODE_OAUTH_TOKEN or ANTHROPIC_AUTH_TOKEN in the environment of the worker.',
    },
  ]);
  expect(executorLacks(executors, { CODEX_API_KEY: 'k', CLAUDE_CODE_OAUTH_TOKEN: 'k' })).toEqual([]);
  const set = { writer: preset({ env: { set: { ANTHROPIC_API_KEY: 'k' } } }) };
  expect(executorLacks(set, {})).toEqual([]);
});

test('presets: without a key the agent is not started', async () => {
  const { program, options, call } = await place();
  program('claude', 'touch started; echo "{}"');
  const registry = createExecutorRegistry({ writer: preset({}) }, options({}));
  await expect(registry.forPrincipal('writer').execute(call)).rejects.toMatchObject({
    code: 'EXECUTOR_KEY_MISSING',
    summary: expect.stringContaining('set ANTHROPIC_API_KEY'),
  });
});

test('presets: the version is asked for once, and again when the program changes', async () => {
  const { root, program, options, call } = await place();
  const asks = (version: string) =>
    `if [ "$1" = --version ]; then echo "Agent ${version}"; echo asked >> ${root}/asked; exit; fi\ncat > /dev/null\necho '{"type":"result","result":"{}"}'`;
  program('claude', asks('2.1.0'));
  const registry = createExecutorRegistry({ writer: preset({}) }, options({ ANTHROPIC_API_KEY: 'test-key' }));
  const writer = registry.forPrincipal('writer');
  expect(writer.descriptor.agent).toEqual({ name: 'Claude Code', version: null });
  const versions = async () => (await writer.execute(call)).agent;
  expect(await versions()).toEqual({ name: 'Claude Code', version: '2.1.0' });
  expect(await versions()).toEqual({ name: 'Claude Code', version: '2.1.0' });
  program('claude', asks('2.10.0-beta.1'));
  expect(await versions()).toEqual({ name: 'Claude Code', version: '2.10.0-beta.1' });
  program('claude', 'if [ "$1" = --version ]; then exit 3; fi; cat > /dev/null');
  expect(await versions()).toEqual({ name: 'Claude Code', version: null });
});

test('presets: the key passes by its name, and no other variable of the worker', async () => {
  const { program, options, call } = await place();
  program('claude', 'cat > /dev/null; printf \'{"result":"{\\"seen\\":\\"%s %s\\"}"}\' "$ANTHROPIC_API_KEY" "$SECRET"');
  const env = { ANTHROPIC_API_KEY: 'test-key', SECRET: 'hidden' };
  const registry = createExecutorRegistry({ writer: preset({}) }, options(env));
  const { answer } = await registry.forPrincipal('writer').execute(call);
  expect(JSON.parse(answer ?? '')).toEqual({ seen: '[masked: the value of ANTHROPIC_API_KEY] ' });
});

test.each<[string, string, object, number, string | undefined]>([
  ['an answer without its kind', 'claude', { result: '{"summary":"The page says: please run /login"}' }, 0, undefined],
  ['prose about a limit', 'claude', { result: 'It said:\nusage limit reached\nI corrected it.' }, 0, undefined],
  ['a quoted error', 'claude', { result: 'The log has:\nAPI Error: 500\nThe client is wrong.' }, 0, undefined],
  ['a quoted error', 'qwen', { result: 'The log has:\n[API Error: 401 x]\nThe client is wrong.' }, 0, undefined],
  ['an answer', 'claude', { result: '{"kind":"escalation"}' }, 0, undefined],
  ['a missing login', 'claude', { result: 'Not logged in · Please run /login' }, 1, 'authentication'],
  ['an empty account', 'claude', { result: 'Credit balance is too low' }, 1, 'budget'],
  [
    'an empty account, in JSON',
    'claude',
    { api_error_status: 400, result: 'API Error: 400 {"message":"Your credit balance is too low"}' },
    1,
    'budget',
  ],
  ['a spent subscription', 'claude', { result: 'Claude AI usage limit reached|1764300000' }, 1, 'budget'],
  ['a cut stream', 'claude', { result: 'API Error: Connection error.' }, 1, 'transient'],
  [
    'a prompt that is too long',
    'claude',
    { api_error_status: 400, result: 'API Error: 400 prompt is too long' },
    1,
    'configuration',
  ],
  ['an overload', 'claude', { api_error_status: 529, result: 'API Error: 529 Overloaded' }, 1, 'transient'],
  ['a request that is too large', 'qwen', { result: '[API Error: 413 too large]' }, 0, 'configuration'],
  ['a limit of rate', 'qwen', { result: '[API Error: 429 Too many requests]' }, 0, 'transient'],
  ['an empty account', 'qwen', { result: '[API Error: 429 You exceeded your current quota]' }, 0, 'budget'],
  [
    'an empty account',
    'opencode',
    { error: { data: { statusCode: 429, isRetryable: true, message: 'You exceeded your current quota' } } },
    1,
    'budget',
  ],
])('presets: %s of %s is a failure of its class, or none', async (_, agent, printed, exitCode, expected) => {
  const { root, program, options, call } = await place();
  writeFileSync(join(root, 'printed'), JSON.stringify({ type: 'result', ...printed }));
  program(agent, `cat > /dev/null; cat "${root}/printed"; exit ${exitCode}`);
  const keys = { ANTHROPIC_API_KEY: 'test-key', OPENAI_API_KEY: 'test-key' };
  const registry = createExecutorRegistry({ writer: preset({ agent }) }, options(keys));
  const { failure } = await registry.forPrincipal('writer').execute(call);
  expect(failure?.class).toBe(expected);
});

test.each([
  ['after which it gave up', '', 'transient'],
  ['after which an unusable answer came', '```json\n{"summary":"done"}\n```\n', undefined],
])('presets: a limit of rate of aider, %s', async (_, rest, expected) => {
  const { root, program, options, call } = await place();
  const limit = 'litellm.RateLimitError: RateLimitError: slow down\nRetrying in 0.2 seconds...\n';
  writeFileSync(join(root, 'printed'), `${limit}${rest}`);
  program('aider', `cat "${root}/printed"`);
  const registry = createExecutorRegistry({ writer: preset({ agent: 'aider' }) }, options({ OPENAI_API_KEY: 'k' }));
  expect((await registry.forPrincipal('writer').execute(call)).failure?.class).toBe(expected);
});

test('home files: a program finds them in its HOME, and their paths stay inside it', async () => {
  const { options, call } = await place();
  const config = {
    kind: 'command',
    argv: ['sh', '-c', 'cat "$HOME/.agent/settings.json"'],
    home: { '.agent/settings.json': '{"kind":"x"}' },
  };
  const executor = createCommandExecutor('writer', commandExecutorSchema.parse(config), options({}));
  expect(await executor.execute(call)).toMatchObject({ exit_code: 0, answer: '{"kind":"x"}' });
  for (const path of ['../outside', '/etc/passwd', 'a/../../b', '']) {
    expect(commandExecutorSchema.safeParse({ ...config, home: { [path]: 'x' } }).success).toBe(false);
  }
});
