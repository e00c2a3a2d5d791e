import { chmod, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { execa } from 'execa';
import { expect, onTestFinished, test } from 'vitest';
import { AGENT_PRESETS, resolveExecutor } from '../../../src/adapters/executor/presets/presets.js';
import type { CommandContext } from '../../../src/cli/app/context.js';
import { doctorCommand } from '../../../src/cli/doctor/doctor-command.js';
import { findDeveloper } from '../../../src/cli/start/prepare-run.js';
import { initCommand } from '../../../src/cli/start/start-commands.js';
import { readPolicy } from '../../../src/config/policy-file.js';
import { readWorkerConfig } from '../../../src/config/worker-config-file.js';
import { isStarted } from '../../../src/contracts/config/executor-config.js';
import { AGENTS } from '../../../src/contracts/names.js';
import { recordOutput } from '../../support/recorded-output.js';
import { invoke } from '../recorded-context.js';

/** A repository without `.promptos`, and an environment in which no agent is installed. */
async function newcomer() {
  const folder = await mkdtemp(join(tmpdir(), 'promptos-init-agent-'));
  onTestFinished(() => rm(folder, { recursive: true, force: true }));
  const top = join(folder, 'shop');
  await execa('git', ['init', '-q', top]);
  await execa('git', ['config', 'user.name', 'Ada'], { cwd: top });
  await writeFile(join(top, 'package.json'), '{"scripts":{"test":"node --test"}}');
  const env = { PATH: '/usr/bin:/bin', HOME: folder, PROMPTOS_KEYS_DIR: join(folder, 'keys') };
  const init = (...args: string[]) =>
    invoke((context) => initCommand(context), ['--alone', '--no-passphrase', ...args], { cwd: top, env });
  return { folder, top, env, init };
}

const contextOf = (cwd: string, env: Readonly<Record<string, string>>): CommandContext => {
  const { output } = recordOutput({ json: false, terminal: false });
  return { output: () => output, cwd, env, exit: () => undefined };
};

const errorOf = (promise: Promise<unknown>) => promise.then(() => undefined).catch((error: unknown) => error);

test.each(AGENTS)('init --agent %s: three principals with the preset, and a policy that lets them', async (agent) => {
  const { top, init } = await newcomer();
  const { stdout, exitCode } = await init('--agent', agent);
  expect(exitCode).toBe(0);
  const config = await readWorkerConfig(join(top, '.promptos', 'worker.yaml'));
  expect(Object.keys(config.executors)).toEqual(['writer-agent', 'verifier-agent', 'reviewer-agent']);
  for (const executor of Object.values(config.executors)) {
    expect(executor).toMatchObject({ kind: 'preset', agent });
    if (!isStarted(executor)) expect.unreachable('a preset is started by the worker');
    expect(resolveExecutor(executor, 'none')).toMatchObject({ kind: 'command', timeout: 1_800_000 });
  }
  const { policy } = await readPolicy(join(top, '.promptos', 'policy.yaml'));
  expect(policy.separation.executors).toBe('any');
  expect(new Set(Object.values(policy.roles).flat()).size).toBe(4);
  expect(stdout).toContain('promptos dev --notes "…"');
  expect(stdout).not.toContain('Put your agents');
});

test('init --agent: a program and a key that are missing are said, and the files are written', async () => {
  const { folder, top, env, init } = await newcomer();
  const { stdout } = await init('--agent', 'claude');
  expect(stdout).toContain('there is no claude on PATH. npm install -g @anthropic-ai/claude-code');
  expect(stdout).toContain('set ANTHROPIC_API_KEY or CLAUDE_CODE_OAUTH_TOKEN');
  await writeFile(join(folder, 'claude'), '#!/bin/sh\n');
  await chmod(join(folder, 'claude'), 0o755);
  const equipped = { ...env, PATH: `${folder}:${env.PATH}`, ANTHROPIC_API_KEY: 'test-key' };
  const again = await invoke((context) => initCommand(context), ['--alone', '--force', '--agent', 'claude'], {
    cwd: top,
    env: equipped,
  });
  expect(again.stdout).not.toContain('npm install');
  expect(again.stdout).not.toContain('ANTHROPIC_API_KEY');
});

test('init --agent: without a test command, a check comes before the first run', async () => {
  const { top, init } = await newcomer();
  await rm(join(top, 'package.json'));
  const { stdout } = await init('--agent', 'claude');
  expect(stdout).toContain('1. Name a test command under `checks` and `default_checks` in policy.yaml.');
});

test('init --agent: a mistyped name lists the known ones, suggests the nearest and writes nothing', async () => {
  const { top, init } = await newcomer();
  const error = await errorOf(init('--agent', 'claud'));
  expect(String(error)).toContain(
    'expected one of claude, codex, gemini, opencode, aider, qwen, copilot, acp:COMMAND, or model:PROVIDER/MODEL.',
  );
  expect(String(error)).toContain('Did you mean "claude"?');
  await expect(readFile(join(top, '.promptos', 'policy.yaml'))).rejects.toThrow();
});

test('init --agent acp:COMMAND: a known agent has its keys, hosts and settings', async () => {
  const { folder, top, env } = await newcomer();
  await writeFile(join(folder, 'gemini'), '#!/bin/sh\n');
  await chmod(join(folder, 'gemini'), 0o755);
  const { stdout, exitCode } = await invoke(
    (context) => initCommand(context),
    ['--alone', '--no-passphrase', '--agent', 'acp:gemini --acp'],
    { cwd: top, env: { ...env, PATH: `${folder}:${env.PATH}` } },
  );
  expect(exitCode).toBe(0);
  const { executors } = await readWorkerConfig(join(top, '.promptos', 'worker.yaml'));
  expect(Object.keys(executors)).toEqual(['writer-agent', 'verifier-agent', 'reviewer-agent']);
  for (const executor of Object.values(executors)) {
    expect(executor).toMatchObject({
      kind: 'acp',
      argv: ['gemini', '--acp'],
      permissions: 'allow',
      client_files: false,
      env: { allow: expect.arrayContaining(['PATH', 'GEMINI_API_KEY']) },
      home: AGENT_PRESETS.gemini.home,
      network: { hosts: ['generativelanguage.googleapis.com'] },
    });
  }
  expect(stdout).toContain('Agent of every role: gemini --acp, by the Agent Client Protocol');
  expect(stdout).toContain('set GEMINI_API_KEY in the environment of the worker');
  expect(stdout).not.toContain('Name in worker.yaml');
});

test('init --agent acp:COMMAND: of an unknown agent it says what is left to write', async () => {
  const { top, init } = await newcomer();
  const { stdout } = await init('--agent', 'acp:other-agent  acp --fast');
  const text = await readFile(join(top, '.promptos', 'worker.yaml'), 'utf8');
  const { executors } = await readWorkerConfig(join(top, '.promptos', 'worker.yaml'));
  expect(executors['writer-agent']).toMatchObject({
    kind: 'acp',
    argv: ['other-agent', 'acp', '--fast'],
    network: 'none',
  });
  expect(text).toContain('TO DO: add the names of the variables');
  expect(stdout).toContain('Install other-agent: there is no other-agent on PATH.');
  expect(stdout).toContain('Name in worker.yaml the variables with the key of the agent');
});

test('init --agent acp:COMMAND: files of the command are those that it names from here', async () => {
  const { top, init } = await newcomer();
  await writeFile(join(top, 'agent.mjs'), '');
  const { stdout } = await init('--agent', 'acp:./tools/agent ./agent.mjs ./none');
  const { executors } = await readWorkerConfig(join(top, '.promptos', 'worker.yaml'));
  expect(executors['writer-agent']).toMatchObject({ argv: ['./../tools/agent', './../agent.mjs', './none'] });
  expect(stdout).toContain(`Install agent: there is no program ${join(top, 'tools', 'agent')}.`);
});

test.each([
  ['acp:', 'expected a command after "acp:"'],
  ['acp:gemini "--acp"', 'expected words without quotes'],
])('init --agent %s: is refused and nothing is written', async (agent, problem) => {
  const { top, init } = await newcomer();
  expect(String(await errorOf(init('--agent', agent)))).toContain(problem);
  await expect(readFile(join(top, '.promptos', 'policy.yaml'))).rejects.toThrow();
});

test('doctor: the agent that our client starts is looked for, and named', async () => {
  const { folder, top, env, init } = await newcomer();
  await init('--agent', 'acp:other-agent acp');
  const examine = async () => {
    const { objects } = await invoke((context) => doctorCommand(context), [], {
      ...{ cwd: top, json: true },
      env: { ...env, PATH: `${folder}:${env.PATH}` },
    });
    const [report] = objects as unknown as [{ probes: { name: string; status: string; message: string }[] }];
    return report.probes.find(({ name }) => name === 'executors');
  };
  expect(await examine()).toMatchObject({ status: 'fail', message: expect.stringContaining('no program other-agent') });
  await writeFile(join(folder, 'other-agent'), '#!/bin/sh\n');
  await chmod(join(folder, 'other-agent'), 0o755);
  expect(await examine()).toMatchObject({ status: 'ok', message: expect.stringContaining('writer: other-agent') });
});

test('doctor: a preset without a key of its model service fails, naming the variables', async () => {
  const { folder, top, env, init } = await newcomer();
  await init('--agent', 'codex');
  await writeFile(join(folder, 'codex'), '#!/bin/sh\n');
  await chmod(join(folder, 'codex'), 0o755);
  const examine = async (more: Readonly<Record<string, string>>) => {
    const { objects } = await invoke((context) => doctorCommand(context), [], {
      cwd: top,
      json: true,
      env: { ...env, PATH: `${folder}:${env.PATH}`, ...more },
    });
    const [report] = objects as unknown as [{ probes: { name: string; status: string; message: string }[] }];
    return report.probes.find(({ name }) => name === 'executors');
  };
  expect(await examine({})).toMatchObject({
    status: 'fail',
    message:
      'writer-agent, verifier-agent, reviewer-agent: Codex has no key of its model service: set CODEX_API_KEY in the environment of the worker.',
  });
  expect(await examine({ CODEX_API_KEY: 'test-key' })).toMatchObject({ status: 'ok' });
});

test('dev: without --developer the person that git knows starts the run, where the policy has that person', async () => {
  const { top, env, init } = await newcomer();
  await init('--agent', 'claude');
  const context = contextOf(top, env);
  expect(await findDeveloper(context, { targetRepo: top })).toBe('Ada');
  await execa('git', ['config', 'user.name', 'Grace'], { cwd: top });
  expect(await findDeveloper(context, { targetRepo: top })).toBeNull();
  await execa('git', ['config', 'user.name', 'Writer Agent'], { cwd: top });
  expect(await findDeveloper(context, { targetRepo: top })).toBeNull();
});

test('dev: outside of a project a missing policy is named', async () => {
  const { top, env } = await newcomer();
  const context = contextOf(top, env);
  expect(await errorOf(findDeveloper(context, { targetRepo: top }))).toMatchObject({ code: 'POLICY_NOT_FOUND' });
});

test.each([
  ['claude', { ANTHROPIC_BASE_URL: 'https://models.example.com/anthropic' }, 'models.example.com'],
  ['gemini', { GOOGLE_GEMINI_BASE_URL: 'http://127.0.0.1:4000' }, '127.0.0.1:4000'],
  [
    'acp:qwen --acp',
    { OPENAI_BASE_URL: 'http://models.example.com/v1', OPENAI_MODEL: 'large' },
    'models.example.com:80',
  ],
])(
  'init --agent %s: a model service that the environment names is written, and reached alone',
  async (agent, set, host) => {
    const { top, env } = await newcomer();
    const { stdout } = await invoke(
      (context) => initCommand(context),
      ['--alone', '--no-passphrase', '--agent', agent],
      { cwd: top, env: { ...env, ...set } },
    );
    const { executors } = await readWorkerConfig(join(top, '.promptos', 'worker.yaml'));
    expect(Object.values(executors)).toHaveLength(3);
    for (const executor of Object.values(executors)) {
      if (!isStarted(executor)) expect.unreachable('the worker starts it');
      const { env: given, network } = resolveExecutor(executor, 'none');
      expect(given.set).toMatchObject(set);
      expect(network).toEqual({ hosts: [host] });
    }
    expect(stdout).toContain(`the agents reach ${host} alone`);
  },
);

test.each([
  ['a secret', 'https://ada:secret@models.example.com'],
  ['a key in its path', `https://models.example.com/${'ghp_'}16C7e42F292c6912E7710c838347Ae178B4a/v1`],
  ['a part that no service is sent', 'https://models.example.com/v1#team'],
  ['no host of a list', 'http://[::1]:4000'],
  ['no URL', 'models.example.com'],
])('init --agent: an address of a model service with %s is said, and not written', async (_what, address) => {
  const { top, env } = await newcomer();
  const { stdout } = await invoke(
    (context) => initCommand(context),
    ['--alone', '--no-passphrase', '--agent', 'claude'],
    { cwd: top, env: { ...env, ANTHROPIC_BASE_URL: address } },
  );
  expect(stdout).toContain('ANTHROPIC_BASE_URL is set here, and worker.yaml does not have it');
  expect(stdout).not.toContain(address);
  expect(await readFile(join(top, '.promptos', 'worker.yaml'), 'utf8')).not.toContain('ANTHROPIC_BASE_URL');
});

test.each([
  [
    'model:anthropic/claude-sonnet-4-5',
    { provider: 'anthropic', model: 'claude-sonnet-4-5', api_key_env: 'ANTHROPIC_API_KEY' },
    'set ANTHROPIC_API_KEY',
  ],
  [
    'model:qwen/qwen3-coder@https://models.example.com/v1',
    {
      provider: 'openai-compatible',
      base_url: 'https://models.example.com/v1',
      model: 'qwen/qwen3-coder',
      api_key_env: 'LLM_API_KEY',
    },
    'set LLM_API_KEY',
  ],
])('init --agent %s: three principals with the model, and its key is asked for', async (agent, expected, missing) => {
  const { top, init } = await newcomer();
  const { stdout } = await init('--agent', agent);
  const { executors } = await readWorkerConfig(join(top, '.promptos', 'worker.yaml'));
  expect(Object.keys(executors)).toEqual(['writer-agent', 'verifier-agent', 'reviewer-agent']);
  for (const executor of Object.values(executors)) expect(executor).toMatchObject({ kind: 'model', ...expected });
  expect(stdout).toContain(missing);
});

test('init --agent model:MODEL@URL: a service of this machine gets no key, and nothing is left to do', async () => {
  const { top, init } = await newcomer();
  const { stdout } = await init('--agent', 'model:qwen3-coder@http://127.0.0.1:8080/v1');
  const { executors } = await readWorkerConfig(join(top, '.promptos', 'worker.yaml'));
  expect(executors['writer-agent']).not.toHaveProperty('api_key_env');
  expect(stdout).toContain('1. promptos dev --notes');
});

test.each([
  ['model:', 'expected model:PROVIDER/MODEL'],
  [
    'model:m@https://ada:hunter2@example.org/v1',
    '--agent model:m@https://…@example.org/v1: expected an address without',
  ],
  ['model:antropic/claude', 'Did you mean "anthropic"?'],
  ['model:openai/', 'expected model:PROVIDER/MODEL'],
  ['model:large@http://ada:secret@models.example.com/v1', 'expected an address without credentials'],
])('init --agent %s: is refused before anything is written', async (agent, message) => {
  const { top, init } = await newcomer();
  const error = await errorOf(init('--agent', agent));
  expect(String(error)).toContain(message);
  await expect(readFile(join(top, '.promptos', 'policy.yaml'))).rejects.toThrow();
});
