import { mkdirSync, realpathSync, writeFileSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import process from 'node:process';
import { execa } from 'execa';
import { onTestFinished } from 'vitest';
import { createExecutorRegistry } from '../../src/adapters/executor/command-executor.js';
import { executorConfigSchema } from '../../src/contracts/config/executor-config.js';
import type { GateId } from '../../src/contracts/names.js';
import type { ExecutorOutcome } from '../../src/ports/gate-executor.js';
import type { AgentCase } from './agent-cases.js';

/** A checkout as a gate has it: a git repository with one commit. */
export async function makeCheckout(
  files: Readonly<Record<string, string>> = {},
  parent: string = tmpdir(),
): Promise<string> {
  const root = realpathSync(await mkdtemp(join(parent, '.promptos-agent-')));
  onTestFinished(() => rm(root, { recursive: true, force: true }));
  const checkout = join(root, 'checkout');
  for (const [path, text] of Object.entries({ 'README.md': '# Shop\n', ...files })) {
    mkdirSync(dirname(join(checkout, path)), { recursive: true });
    writeFileSync(join(checkout, path), text);
  }
  const git = (...args: string[]) =>
    execa('git', ['-c', 'user.name=a', '-c', 'user.email=a@example.org', ...args], { cwd: checkout });
  await git('init', '-q');
  await git('add', '-A');
  await git('commit', '-q', '-m', 'base');
  return checkout;
}

export interface AgentPlace {
  /** The folder of the agent's program. */
  readonly bin: string;
  /** The model server. */
  readonly url: string;
  readonly checkout: string;
  readonly env?: Readonly<Record<string, string>>;
}

interface AgentCall {
  readonly gate?: GateId;
  readonly prompt: string;
}

/** Runs an agent as a worker does, by its preset. */
export async function runAgent(
  agent: AgentCase,
  { bin, url, checkout, env = {} }: AgentPlace,
  { gate = 'P00', prompt }: AgentCall,
): Promise<ExecutorOutcome> {
  const { set, arguments: more = [] } = agent.connect(url);
  const config = executorConfigSchema.parse({
    kind: 'preset',
    agent: agent.agent,
    model: agent.model,
    arguments: more,
    env: { set: { ...set, ...env } },
    network: 'full',
    timeout: '3m',
  });
  const registry = createExecutorRegistry(
    { principal: config },
    {
      env: { PATH: `${bin}:${dirname(process.execPath)}:/usr/local/bin:/usr/bin:/bin`, LANG: 'C.UTF-8' },
      configDir: dirname(checkout),
      scratchRoot: join(dirname(checkout), 'scratch'),
    },
  );
  return registry.forPrincipal('principal').execute({
    run_id: 'run-1',
    gate,
    attempt: 1,
    prompt,
    directory: checkout,
    signal: new AbortController().signal,
  });
}
