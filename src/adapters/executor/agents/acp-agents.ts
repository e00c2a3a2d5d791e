import { basename } from 'node:path';
import { commandExecutorSchema } from '../../../contracts/config/executor-config.js';
import type { AgentName } from '../../../contracts/names.js';
import type { AgentPreset } from '../presets/agent-preset.js';
import { AGENT_PRESETS } from '../presets/presets.js';

/** An agent of the Agent Client Protocol whose surroundings are known: its keys, hosts and settings are those of a preset. */
interface AcpAgent {
  readonly preset: AgentName;
  /** The way of authentication that uses the key of the environment, where it must be asked for. */
  readonly auth?: string;
  /** The mode without a sandbox of the agent's own, which does not start inside the worker's. */
  readonly mode?: string;
  /** False where it does not understand the client's answer about a file that is not there, and then makes no new file. */
  readonly client_files?: false;
}

/** By program. docs/agents/acp.md says which versions were tried. */
const ACP_AGENTS: Readonly<Record<string, AcpAgent>> = {
  'claude-agent-acp': { preset: 'claude' },
  'codex-acp': { preset: 'codex', auth: 'api-key', mode: 'agent-full-access' },
  gemini: { preset: 'gemini', client_files: false },
  opencode: { preset: 'opencode' },
  qwen: { preset: 'qwen' },
  copilot: { preset: 'copilot' },
};

/** A worker config's executor as a person writes it. */
interface WrittenAcpExecutor {
  readonly kind: 'acp';
  readonly argv: readonly string[];
  readonly auth?: string;
  readonly mode?: string;
  readonly client_files?: false;
  readonly env: { readonly allow: readonly string[]; readonly set?: Readonly<Record<string, string>> };
  readonly home?: Readonly<Record<string, string>>;
  readonly network?: { readonly hosts: readonly string[] };
}

export interface FirstAcpExecutor {
  readonly executor: WrittenAcpExecutor;
  /** The preset with the agent's keys and hosts; null when the person who writes the config must name them. */
  readonly preset: AgentPreset | null;
}

/** What `init` writes for a command line that speaks the protocol. */
export function firstAcpExecutor(argv: readonly string[]): FirstAcpExecutor {
  const { allow } = commandExecutorSchema.shape.env.parse(undefined);
  const known = ACP_AGENTS[basename(argv[0] ?? '')];
  if (known === undefined) return { executor: { kind: 'acp', argv, env: { allow } }, preset: null };
  const { preset: of, ...settings } = known;
  const preset = AGENT_PRESETS[of];
  return {
    preset,
    executor: {
      kind: 'acp',
      argv,
      ...settings,
      env: {
        allow: [...allow, ...preset.credentials],
        ...(Object.keys(preset.env).length === 0 ? {} : { set: preset.env }),
      },
      ...(Object.keys(preset.home).length === 0 ? {} : { home: preset.home }),
      network: { hosts: [...preset.hosts] },
    },
  };
}
