import { chmod, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { execa } from 'execa';
import { expect, onTestFinished, test } from 'vitest';
import { resolveExecutor } from '../../../src/adapters/executor/presets/presets.js';
import type { CommandContext } from '../../../src/cli/app/context.js';
import { doctorCommand } from '../../../src/cli/doctor/doctor-command.js';
import { findDeveloper } from '../../../src/cli/start/prepare-run.js';
import { initCommand } from '../../../src/cli/start/start-commands.js';
import { readPolicy } from '../../../src/config/policy-file.js';
import { readWorkerConfig } from '../../../src/config/worker-config-file.js';
import { isStarted } from '../../../src/contracts/executor-config.js';
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
    expect(resolveExecutor(executor)).toMatchObject({ kind: 'command', timeout: 1_800_000 });
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
  expect(String(error)).toContain('expected one of claude, codex, gemini, opencode, aider, qwen, copilot.');
  expect(String(error)).toContain('Did you mean "claude"?');
  await expect(readFile(join(top, '.promptos', 'policy.yaml'))).rejects.toThrow();
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
