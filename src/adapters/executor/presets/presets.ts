import {
  type CommandExecutorConfig,
  commandExecutorSchema,
  type ExecutorConfig,
  type StartedExecutorConfig,
} from '../../../contracts/config/executor-config.js';
import type { PresetExecutorConfig } from '../../../contracts/config/preset-executor.js';
import type { AgentName, SandboxKind } from '../../../contracts/names.js';
import type { Environment } from '../../platform/pass-variables.js';
import { acpCommand } from '../programs/acp-command.js';
import type { Lack } from '../programs/lack.js';
import { missingOfModel, modelCommand } from '../programs/model-command.js';
import type { AgentPreset } from './agent-preset.js';
import { AIDER, OPENCODE, QWEN } from './open-agents.js';
import { CLAUDE, CODEX, COPILOT, GEMINI } from './vendor-agents.js';

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

function resolvePreset(config: PresetExecutorConfig, sandbox: SandboxKind): CommandExecutorConfig {
  const preset = AGENT_PRESETS[config.agent];
  const { model } = config;
  const own = preset.sandbox_argv?.[sandbox === 'none' ? 'none' : 'boxed'] ?? [];
  const command = commandExecutorSchema.parse({
    kind: 'command',
    argv: [...preset.argv, ...own, ...(model === undefined ? [] : preset.model_argv), ...config.arguments],
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

/**
 * The command of an executor, of whichever kind that is started.
 * @param sandbox what it is run in
 */
export function resolveExecutor(config: StartedExecutorConfig, sandbox: SandboxKind): CommandExecutorConfig {
  switch (config.kind) {
    case 'command':
      return config;
    case 'preset':
      return resolvePreset(config, sandbox);
    case 'acp':
      return acpCommand(config);
    case 'model':
      return modelCommand(config);
  }
}

/** The program that a person has to install: of an agent that a program of ours starts, the agent's. */
export const installedProgram = (config: StartedExecutorConfig): string =>
  (config.kind === 'acp' ? config : resolveExecutor(config, 'none')).argv[0] ?? '';

/** What the presets and models of a worker config lack, each sentence once, with the principals that it is about. */
export function executorLacks(executors: Readonly<Record<string, ExecutorConfig>>, env: Environment): readonly Lack[] {
  const principals = new Map<string, { readonly code: Lack['code']; readonly names: string[] }>();
  for (const [principal, config] of Object.entries(executors)) {
    const lack = executorLack(config, env);
    if (lack === null) continue;
    const names = principals.get(lack.message)?.names ?? [];
    principals.set(lack.message, { code: lack.code, names: [...names, principal] });
  }
  return [...principals].map(([message, { code, names }]) => ({ code, message: `${names.join(', ')}: ${message}` }));
}

/**
 * What a preset or a model lacks on this machine; null when nothing is missing.
 * @param env the worker's own environment
 */
export function executorLack(config: ExecutorConfig, env: Environment): Lack | null {
  if (config.kind === 'model') return missingOfModel(config, env);
  if (config.kind !== 'preset') return null;
  const message = missingKey(AGENT_PRESETS[config.agent], { ...env, ...config.env.set });
  return message === null ? null : { code: 'EXECUTOR_KEY_MISSING', message };
}

/** What a preset's agent lacks in an environment, as a sentence; null when a key of its model service is set. */
export function missingKey({ title, credentials }: AgentPreset, env: Environment): string | null {
  if (credentials.some((name) => (env[name] ?? '') !== '')) return null;
  return `${title} has no key of its model service: set ${credentials.join(' or ')} in the environment of the worker.`;
}
