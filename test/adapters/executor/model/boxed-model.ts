import { execFileSync } from 'node:child_process';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { createExecutorRegistry } from '../../../../src/adapters/executor/command-executor.js';
import { createLauncher } from '../../../../src/adapters/platform/launcher.js';
import type { Environment } from '../../../../src/adapters/platform/pass-variables.js';
import { resolveBySystem } from '../../../../src/adapters/sandbox/network/dial.js';
import { createNetworkOpener } from '../../../../src/adapters/sandbox/network/open-network.js';
import { openSandbox } from '../../../../src/adapters/sandbox/open-sandbox.js';
import { executorConfigSchema } from '../../../../src/contracts/config/executor-config.js';
import { DEFAULT_SANDBOX } from '../../../../src/contracts/config/sandbox-config.js';
import { readJson } from '../../../../src/contracts/json.js';
import type { GateId } from '../../../../src/contracts/names.js';
import type { CommandWatch, ExecutorOutcome, GateExecutor } from '../../../../src/ports/gate-executor.js';
import { exampleOutputs } from '../../../support/gate-outputs.js';
import { type ModelServer, startModelServer } from '../../../support/model-server.js';
import { printedText } from '../../../support/printed.js';

export const KEY = 'key-of-the-model-service';
/** A name of a machine in the worker's own network. */
export const PRIVATE_NAME = 'models.internal';

const resolve: typeof resolveBySystem = async (host) =>
  host === PRIVATE_NAME ? [{ address: '10.20.30.40', family: 4 }] : resolveBySystem(host);

/** An honest answer for a gate, as the schema file asks for it. */
export const answerFor = (gate: GateId) => ({ kind: 'output', ...exampleOutputs()[gate] });
export const answerText = (gate: GateId): string => JSON.stringify({ answer: answerFor(gate) });

interface Call {
  readonly gate?: GateId;
  readonly config?: Readonly<Record<string, unknown>>;
  readonly signal?: AbortSignal;
  readonly watch?: CommandWatch;
  readonly env?: Environment;
}

/** A model executor in the real sandbox, with a scripted model service on loopback. */
export interface BoxedModel {
  readonly server: ModelServer;
  readonly checkout: string;
  /** Puts a file into the checkout. */
  put(path: string, text: string): Promise<void>;
  /** Does a gate in the checkout. */
  execute(call?: Call): Promise<ExecutorOutcome>;
  /** @param env the worker's own environment */
  executor(config?: Call['config'], env?: Environment): GateExecutor;
  close(): Promise<void>;
}

export async function startBoxedModel(): Promise<BoxedModel> {
  const root = await mkdtemp(join(tmpdir(), 'promptos-model-'));
  const checkout = join(root, 'checkout');
  await mkdir(checkout);
  execFileSync('git', ['init', '-q', checkout]);
  const server = await startModelServer();
  const launcher = createLauncher(process.env.PATH);
  const programs = await openSandbox(DEFAULT_SANDBOX, {
    ...{ programs: launcher, path: process.env.PATH, openNetwork: createNetworkOpener({ resolve }) },
    secret: [join(root, 'state')],
  });
  const put = async (path: string, text: string): Promise<void> => {
    await mkdir(dirname(join(checkout, path)), { recursive: true });
    await writeFile(join(checkout, path), text);
  };
  const executor: BoxedModel['executor'] = (config = {}, env = { PATH: process.env.PATH, LLM_API_KEY: KEY }) => {
    const model = executorConfigSchema.parse({
      ...{ kind: 'model', base_url: `${server.url}/v1`, model: 'asked-for', api_key_env: 'LLM_API_KEY' },
      ...config,
    });
    const places = { configDir: join(root, 'config'), scratchRoot: join(root, 'state/scratch') };
    return createExecutorRegistry({ nina: model }, { env, ...places, programs }).forPrincipal('nina');
  };
  return {
    ...{ server, checkout, put, executor },
    execute: ({ gate = 'P00', config, signal = new AbortController().signal, watch, env }: Call = {}) =>
      executor(config, env).execute({
        ...{ run_id: 'run-1', gate, attempt: 1, prompt: 'Do the gate.', directory: checkout, signal },
        ...(watch === undefined ? {} : { watch }),
      }),
    close: async () => {
      await launcher.close();
      await server.close();
      await rm(root, { recursive: true, force: true });
    },
  };
}

/** The lines of a transcript. */
export const linesOf = ({ stdout }: ExecutorOutcome): readonly Record<string, unknown>[] =>
  printedText(stdout)
    .trim()
    .split('\n')
    .map((line) => readJson(line) as Record<string, unknown>);
