import {
  type CommandExecutorConfig,
  commandExecutorSchema,
  type ExecutorConfig,
} from '../../../contracts/executor-config.js';
import type { AgentName } from '../../../contracts/names.js';
import type { PresetExecutorConfig } from '../../../contracts/preset-executor.js';
import type { Environment } from '../../platform/pass-variables.js';
import { missingOfModel, modelCommand } from '../model-command.js';
import type { AgentPreset } from './agent-preset.js';
import { AIDER } from './aider.js';
import { CLAUDE } from './claude.js';
import { CODEX } from './codex.js';
import { COPILOT } from './copilot.js';
import { GEMINI } from './gemini.js';
import { OPENCODE } from './opencode.js';
import { QWEN } from './qwen.js';

export const AGENT_PRESETS: Readonly<Record<AgentName, AgentPreset>> = {
  claude: CLAUDE,
  codex: CODEX,
  gemini: GEMINI,
  opencode: OPENCODE,
  aider: AIDER,
  qwen: QWEN,
  copilot: COPILOT,
};

/** What a long session with all its tool calls prints. */
const MAX_OUTPUT_BYTES = 50_000_000;

function resolvePreset(config: PresetExecutorConfig): CommandExecutorConfig {
  const preset = AGENT_PRESETS[config.agent];
  const { model } = config;
  const command = commandExecutorSchema.parse({
    kind: 'command',
    argv: [...preset.argv, ...(model === undefined ? [] : preset.model_argv), ...config.arguments],
    env: {
      allow: [...passedEnvironmentNames(preset), ...config.env.allow],
      set: { ...preset.env, ...config.env.set },
    },
    home: preset.home,
    network: config.network ?? { hosts: [...preset.hosts] },
    answer: preset.answer,
    max_output_bytes: MAX_OUTPUT_BYTES,
    model: {
      ...(model === undefined ? {} : { requested: model }),
      ...(preset.served_pointer === undefined ? {} : { served_pointer: preset.served_pointer }),
    },
    failures: preset.failures,
    usage: preset.usage,
  });
  return { ...command, timeout: config.timeout, retry_for: config.retry_for };
}

const passedEnvironmentNames = ({ credentials }: AgentPreset): readonly string[] => [
  ...commandExecutorSchema.shape.env.parse(undefined).allow,
  ...credentials,
];

/** The command of an executor, of whichever kind it is. */
export function resolveExecutor(config: ExecutorConfig): CommandExecutorConfig {
  switch (config.kind) {
    case 'command':
      return config;
    case 'preset':
      return resolvePreset(config);
    case 'model':
      return modelCommand(config);
  }
}

/** What the presets and models of a worker config lack in its environment, each sentence once, with the principals that it is about. */
export function missingCredentials(
  executors: Readonly<Record<string, ExecutorConfig>>,
  env: Environment,
): readonly string[] {
  const principals = new Map<string, string[]>();
  for (const [principal, config] of Object.entries(executors)) {
    const missing = missingCredential(config, env);
    if (missing !== null) principals.set(missing, [...(principals.get(missing) ?? []), principal]);
  }
  return [...principals].map(([missing, names]) => `${names.join(', ')}: ${missing}`);
}

/**
 * What a preset or a model lacks in the worker's environment, as a sentence; null when a key of its model service is set.
 * @param env the worker's own environment
 */
export function missingCredential(config: ExecutorConfig, env: Environment): string | null {
  if (config.kind === 'model') return missingOfModel(config, env);
  if (config.kind !== 'preset') return null;
  const { title, credentials } = AGENT_PRESETS[config.agent];
  const { set } = config.env;
  if (credentials.some((name) => (set[name] ?? env[name] ?? '') !== '')) return null;
  return `${title} has no key of its model service: set ${credentials.join(' or ')} in the environment of the worker.`;
}
