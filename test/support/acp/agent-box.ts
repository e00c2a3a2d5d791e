import { readFileSync } from 'node:fs';
import { chmod, mkdir, mkdtemp, realpath, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { rolldown } from 'rolldown';
import { createExecutorRegistry } from '../../../src/adapters/executor/command-executor.js';
import { createLauncher } from '../../../src/adapters/platform/launcher.js';
import { openSandbox } from '../../../src/adapters/sandbox/open-sandbox.js';
import { executorConfigSchema } from '../../../src/contracts/config/executor-config.js';
import { readJson } from '../../../src/contracts/json.js';
import type { GateId } from '../../../src/contracts/names.js';
import type { ExecutorOutcome, GateExecutor } from '../../../src/ports/gate-executor.js';
import { printedText } from '../printed.js';
import type { AgentScript } from './script.js';

interface AgentCall {
  readonly gate?: GateId;
  readonly prompt?: string;
  readonly signal?: AbortSignal;
  readonly config?: Readonly<Record<string, unknown>>;
}

/** A worker's sandbox with the stand-in agent, installed as npm installs one. */
export interface AgentBox {
  readonly root: string;
  readonly checkout: string;
  executor(script: AgentScript, config?: AgentCall['config']): GateExecutor;
  run(script: AgentScript, call?: AgentCall): Promise<ExecutorOutcome>;
  read(path: string): string;
  close(): Promise<void>;
}

/** The lines of a transcript, with those of one type alone where one is named. */
export const linesOf = ({ stdout }: ExecutorOutcome, type?: string): readonly Record<string, unknown>[] =>
  printedText(stdout)
    .split('\n')
    .map((line) => readJson(line) as Record<string, unknown>)
    .filter((line) => line !== undefined && (type === undefined || line.type === type));

/** Makes one file of the stand-in agent and installs it as npm installs one; gives the folder of its program. */
export async function installStandIn(root: string): Promise<string> {
  const folder = join(root, 'tools/node_modules');
  await mkdir(join(folder, '.bin'), { recursive: true });
  await mkdir(join(folder, 'stand-in'));
  const bundle = await rolldown({
    input: fileURLToPath(new URL('stand-in-agent.ts', import.meta.url)),
    platform: 'node',
  });
  const { output } = await bundle.generate({ format: 'esm', codeSplitting: false });
  const program = join(folder, 'stand-in/index.mjs');
  await writeFile(program, `#!/usr/bin/env node\n${output[0].code}`);
  await chmod(program, 0o755);
  await symlink('../stand-in/index.mjs', join(folder, '.bin/stand-in'));
  return join(folder, '.bin');
}

export async function createAgentBox(): Promise<AgentBox> {
  const root = await realpath(await mkdtemp(join(tmpdir(), 'promptos-acp-')));
  const bin = await installStandIn(root);
  const checkout = join(root, 'checkout');
  await mkdir(checkout);
  await mkdir(join(root, 'config'));
  await writeFile(join(root, 'secret.txt'), 'outside');
  const launcher = createLauncher(process.env.PATH);
  const programs = await openSandbox(
    { readable: [], limits: { memory_bytes: 1e9, cpu_seconds: 60, processes: 256, file_bytes: 1e9, disk_bytes: 1e9 } },
    { programs: launcher, path: process.env.PATH, secret: [join(root, 'state')] },
  );
  const executor: AgentBox['executor'] = (script, config = {}) =>
    createExecutorRegistry(
      {
        nina: executorConfigSchema.parse({
          kind: 'acp',
          argv: ['stand-in'],
          timeout: '60s',
          ...config,
          env: { set: { STAND_IN_SCRIPT: JSON.stringify(script) } },
        }),
      },
      {
        env: { PATH: `${bin}:${process.env.PATH}` },
        configDir: join(root, 'config'),
        scratchRoot: join(root, 'state/scratch'),
        programs,
      },
    ).forPrincipal('nina');
  return {
    root,
    checkout,
    executor,
    run: (script, { gate = 'P00', prompt = 'Restate the context.', signal, config } = {}) =>
      executor(script, config).execute({
        ...{ run_id: 'run-1', gate, attempt: 1, prompt, directory: checkout },
        signal: signal ?? new AbortController().signal,
      }),
    read: (path) => readFileSync(join(checkout, path), 'utf8'),
    close: async () => {
      await launcher.close();
      await rm(root, { recursive: true, force: true });
    },
  };
}
