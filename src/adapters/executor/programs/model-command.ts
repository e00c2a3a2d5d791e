import { createRequire } from 'node:module';
import { type CommandExecutorConfig, commandExecutorSchema } from '../../../contracts/config/executor-config.js';
import type { FailureRule } from '../../../contracts/config/executor-output.js';
import {
  type ModelExecutorConfig,
  type ModelProgram,
  type ModelProvider,
  modelExecutorSchema,
  SERVICE_PROVIDERS,
  serviceHost,
} from '../../../contracts/config/model-executor.js';
import { withoutPlaceholders } from '../../../contracts/config/placeholders.js';
import { PromptOsError } from '../../../contracts/errors.js';
import { suggestName, withoutUserInfo } from '../../../contracts/sentences.js';
import type { Environment } from '../../platform/pass-variables.js';
import { boxedProgram } from './boxed-program.js';
import type { Lack } from './lack.js';

/** The packages of providers that are not built in. */
const PACKAGES: Readonly<Record<Exclude<ModelProvider, 'openai-compatible'>, string>> = {
  anthropic: '@ai-sdk/anthropic',
  openai: '@ai-sdk/openai',
  google: '@ai-sdk/google',
};
/** The versions that go with the SDK that we have: a later one speaks another interface. */
const PACKAGE_LINE = '^3';

const packageOf = (provider: ModelProvider): string | null =>
  provider === 'openai-compatible' ? null : PACKAGES[provider];

/** The file of an installed package; null where it is not installed beside this one. */
function installedFile(name: string): string | null {
  try {
    return createRequire(import.meta.url).resolve(name);
  } catch {
    return null;
  }
}

/** What the transcript of one answer with all its tool calls takes. */
const MAX_OUTPUT_BYTES = 50_000_000;

/** How the program shows a failure, in its last line. */
const FAILURES = (['transient', 'authentication', 'configuration', 'budget', 'bad_answer'] as const).map(
  (of): Partial<FailureRule> & Pick<FailureRule, 'class'> => ({
    class: of,
    in: ['stdout'],
    pointer: '/failure/class',
    equals: [of],
    message: '/failure/message',
    ...(of === 'transient' ? { retry_after: { pointer: '/failure/retry_after' } } : {}),
  }),
);

/** What our program is given of the config. */
export function modelProgram(config: ModelExecutorConfig): ModelProgram {
  const { kind: _, env: _env, network: _network, timeout: _timeout, retry_for: _retry, ...settings } = config;
  return settings;
}

/** The command of a model executor: our program, which runs in the box and calls the service from there. */
export function modelCommand(config: ModelExecutorConfig): CommandExecutorConfig {
  const { env, network, timeout, retry_for } = config;
  const settings = modelProgram(config);
  const needed = packageOf(settings.provider);
  const file = needed === null ? null : installedFile(needed);
  const command = commandExecutorSchema.parse({
    kind: 'command',
    // The file of the provider's package is an argument of its own, since the box shows what the command line names.
    argv: [
      ...boxedProgram('model'),
      withoutPlaceholders(JSON.stringify(settings)),
      '{schema_file}',
      ...(file === null ? [] : [file]),
    ],
    env: {
      allow: [
        ...commandExecutorSchema.shape.env.parse(undefined).allow,
        ...(settings.api_key_env === undefined ? [] : [settings.api_key_env]),
        ...env.allow,
      ],
      set: env.set,
    },
    network: network ?? { hosts: [serviceHost(settings)] },
    answer: { pointer: '/answer' },
    max_output_bytes: MAX_OUTPUT_BYTES,
    model: { requested: settings.model, served_pointer: '/served_model' },
    failures: FAILURES,
    usage: {
      // Each call of the model is reported by itself, so a try that is stopped has what it used until then.
      take: 'sum',
      input_tokens: '/usage/input_tokens',
      output_tokens: '/usage/output_tokens',
      cached_tokens: '/usage/cached_tokens',
      request_id: '/request_id',
    },
  });
  return { ...command, timeout, retry_for };
}

/** What a model executor lacks on this machine; null when nothing is missing. */
export function missingOfModel(
  { provider, api_key_env, env: { set } }: ModelExecutorConfig,
  env: Environment,
): Lack | null {
  const needed = packageOf(provider);
  if (needed !== null && installedFile(needed) === null) {
    return {
      code: 'EXECUTOR_NOT_FOUND',
      message: `The provider "${provider}" needs its package: npm install ${needed}@${PACKAGE_LINE}, where promptos is installed.`,
      hint: 'Install it, or name another provider in the worker config, then resolve the P08 with `retry`.',
    };
  }
  if (api_key_env === undefined || (set[api_key_env] ?? env[api_key_env] ?? '') !== '') return null;
  return {
    code: 'EXECUTOR_KEY_MISSING',
    message: `The model service has no key: set ${api_key_env} in the environment of the worker.`,
  };
}

/** The usual variables of the services' keys. */
const KEYS: Readonly<Record<ModelProvider, string>> = {
  'openai-compatible': 'LLM_API_KEY',
  anthropic: 'ANTHROPIC_API_KEY',
  openai: 'OPENAI_API_KEY',
  google: 'GEMINI_API_KEY',
};

/** A worker config's executor as a person writes it. */
interface WrittenModelExecutor {
  readonly kind: 'model';
  readonly provider?: ModelProvider;
  readonly base_url?: string;
  readonly model: string;
  readonly api_key_env?: string;
}

interface FirstModelExecutor {
  readonly executor: WrittenModelExecutor;
  readonly config: ModelExecutorConfig;
  /** For people. */
  readonly title: string;
}

const HINT = 'docs/agents/model.md shows what worker.yaml can say of a model.';

/**
 * What `init` writes for a model that is called by its API.
 * @param named `PROVIDER/MODEL`, or `MODEL@URL` for any service with the OpenAI protocol for chats
 * @throws PromptOsError USAGE
 */
export function firstModelExecutor(named: string): FirstModelExecutor {
  const executor = readModel(named);
  const config = modelExecutorSchema.safeParse(executor);
  if (config.success) {
    const { model, base_url, provider = '' } = executor;
    return { executor, config: config.data, title: `the model ${model} of ${base_url ?? provider}` };
  }
  const problem = config.error.issues[0]?.message ?? '';
  throw new PromptOsError('USAGE', `--agent model:${withoutUserInfo(named)}: ${problem}.`, { hint: HINT });
}

function readModel(named: string): WrittenModelExecutor {
  const [, compatible, base_url] = /^([^@\s]+)@(https?:\/\/\S+)$/.exec(named) ?? [];
  if (compatible !== undefined && base_url !== undefined) {
    const api_key_env = isLocal(base_url) ? undefined : KEYS['openai-compatible'];
    return { kind: 'model', base_url, model: compatible, ...(api_key_env === undefined ? {} : { api_key_env }) };
  }
  const [, before = named, model] = /^([^/\s]+)\/(\S+)$/.exec(named) ?? [];
  const provider = SERVICE_PROVIDERS.find((name) => name === before);
  if (provider !== undefined && model !== undefined) {
    return { kind: 'model', provider, model, api_key_env: KEYS[provider] };
  }
  const known = SERVICE_PROVIDERS.join(', ');
  throw new PromptOsError(
    'USAGE',
    `--agent: expected model:PROVIDER/MODEL with one of ${known}, or model:MODEL@URL with the address of a service that has the OpenAI protocol for chats, received ${JSON.stringify(`model:${withoutUserInfo(named)}`)}.${suggestName(before, SERVICE_PROVIDERS)}`,
    { hint: HINT },
  );
}

/** Whether a service is one of this machine, which wants no key as a rule. */
function isLocal(address: string): boolean {
  if (!URL.canParse(address)) return false;
  const { hostname } = new URL(address);
  return hostname === 'localhost' || hostname.startsWith('127.');
}
