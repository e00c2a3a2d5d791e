import { basename, isAbsolute, resolve } from 'node:path';
import {
  type CommandExecutorConfig,
  commandExecutorSchema,
  type StartedExecutorConfig,
} from '../../../contracts/config/executor-config.js';
import type { ModelProgram } from '../../../contracts/config/model-executor.js';
import { canonicalSha256 } from '../../../contracts/json.js';
import type { AgentName } from '../../../contracts/names.js';
import type { ExecutorDescriptor } from '../../../contracts/record/attempt.js';
import { type ExecutorParameters, WORK_LIMITS } from '../../../contracts/run/agent-work.js';
import { printable } from '../../../rules/paths/path-names.js';
import { maskSecrets } from '../../../rules/secrets/mask-secrets.js';
import { findProgram } from '../../platform/find-program.js';
import type { Environment } from '../../platform/pass-variables.js';
import { SECRET_NAME } from '../../platform/passed-secrets.js';
import type { PrintedJson } from '../output/printed-json.js';
import { shownName, shownText } from '../output/program-words.js';
import type { WorkLocation } from '../output/reported-work.js';
import type { AgentPreset } from '../presets/agent-preset.js';
import { AGENT_PRESETS, executorLack } from '../presets/presets.js';
import { acpClientSettings } from '../programs/acp-command.js';
import type { Lack } from '../programs/lack.js';
import { modelProgram } from '../programs/model-command.js';

/** What is known of the coding agent behind an executor, besides the command that is run. */
export type KnownAgent =
  | {
      /** The agent of a preset. */
      readonly kind: 'preset';
      readonly title: string;
      readonly version_argv: readonly string[];
      readonly work: WorkLocation;
      readonly lack: Lack | null;
    }
  | {
      /** A program of ours, which calls a model by its API. */
      readonly kind: 'model';
      readonly title: string;
      readonly settings: ModelProgram;
      readonly lack: Lack | null;
    }
  | {
      /** A program of ours is run, which starts the agent, and prints what the agent says of itself. */
      readonly kind: 'acp';
      /** The agent's own command line, the end of what is run. */
      readonly argv: readonly string[];
      readonly settings: string;
    };

/** Where the programs of ours print what their agents did. */
const OWN_PROGRAMS = {
  model: {
    tools: { at: '/tools', listed_by: 'executor' },
    calls: { kind: 'events', at: '', type: { member: 'type', is: ['tool_call'] }, name: '/tool' },
  },
  acp: {
    tools: { at: '/offered', listed_by: 'client' },
    settings: { mode: '/mode', model: '/model' },
    calls: { kind: 'counts', at: '/calls_by_kind', count: 'calls' },
  },
} satisfies Readonly<Record<'model' | 'acp', WorkLocation>>;

/** Of a command of the user's, nothing is known. */
export function workLocationOf(agent: KnownAgent | null): WorkLocation {
  if (agent === null) return {};
  return agent.kind === 'preset' ? agent.work : OWN_PROGRAMS[agent.kind];
}

/** @param env the worker's own environment */
export function knownAgent(config: StartedExecutorConfig, env: Environment): KnownAgent | null {
  switch (config.kind) {
    case 'command':
      return null;
    case 'acp':
      return { kind: 'acp', argv: config.argv, settings: acpClientSettings(config) };
    case 'preset': {
      const { title, version_argv, work } = AGENT_PRESETS[config.agent];
      return { kind: 'preset', title, version_argv, work, lack: executorLack(config, env) };
    }
    case 'model': {
      const title = `model executor (${config.provider})`;
      return { kind: 'model', title, settings: modelProgram(config), lack: executorLack(config, env) };
    }
  }
}

/** The part of a descriptor that says which program it is, and nothing of where this machine has programs of ours. */
export function describeProgram(
  { argv }: Pick<CommandExecutorConfig, 'argv'>,
  agent: KnownAgent | null,
): Pick<ExecutorDescriptor, 'kind' | 'arguments_sha256'> & { readonly named: string } {
  switch (agent?.kind) {
    case 'acp': {
      const [named = '', ...rest] = agent.argv;
      return { kind: 'acp', named, arguments_sha256: canonicalSha256([agent.settings, ...rest]) };
    }
    case 'model':
      // There is no program of the user's: the provider says what does the work.
      return { kind: 'model', named: agent.settings.provider, arguments_sha256: canonicalSha256(agent.settings) };
    default:
      return { kind: 'command', named: argv[0] ?? '', arguments_sha256: canonicalSha256(argv.slice(1)) };
  }
}

/**
 * The command line with the absolute path of the agent's program. Our client starts it inside the box, which shows what the
 * command line names.
 * @param argv as it is run, with placeholders filled in
 * @returns the program in place of the command line where it is missing
 */
export async function withAgentProgram(
  agent: KnownAgent | null,
  argv: readonly string[],
  { configDir, path }: { readonly configDir: string; readonly path: string | undefined },
): Promise<{ readonly argv: readonly string[] } | { readonly missing: string }> {
  if (agent?.kind !== 'acp') return { argv };
  const at = argv.length - agent.argv.length;
  const named = argv[at] ?? '';
  const program = named.includes('/') ? resolve(configDir, named) : named;
  const found = findProgram(program, path);
  return found === null ? { missing: program } : { argv: argv.with(at, found) };
}

const MAX_NAME = 100;

/** What our client printed of the agent that it started. */
export function printedAgent(json: PrintedJson, program: string): NonNullable<ExecutorDescriptor['agent']> {
  const at = (pointer: string): string | null => {
    const found = json.at(pointer);
    return found.found && typeof found.value === 'string' ? shownName(found.value, MAX_NAME) : null;
  };
  return { name: at('/agent/name') ?? program, version: at('/agent/version') };
}

type Settings = NonNullable<ExecutorParameters['settings']>;

/**
 * What an executor was configured with that steers its model, for the record. It has no credential, no absolute path and
 * nothing of where this machine has programs of ours.
 * @param mask replaces the values of the program's own credentials
 */
export function parametersOf(
  config: CommandExecutorConfig,
  agent: KnownAgent | null,
  mask: (text: string) => string,
): ExecutorParameters {
  const set = Object.keys(config.env.set).sort().slice(0, WORK_LIMITS.names);
  const variables = set.length === 0 ? {} : { variables: set.map((name) => printable(name, WORK_LIMITS.name - 1)) };
  const shown = (text: string, most: number) => shownText(maskNamed(maskSecrets(mask(text)).slice(0, 4 * most)), most);
  switch (agent?.kind) {
    case 'model':
      return { ...variables, settings: shownSettings(modelSettings(agent.settings), shown) };
    case 'acp':
      return {
        ...argvOf(agent.argv, config, shown),
        ...variables,
        settings: shownSettings(JSON.parse(agent.settings) as Readonly<Record<string, unknown>>, shown),
      };
    default:
      return { ...argvOf(config.argv, config, shown), ...variables };
  }
}

function argvOf(
  argv: readonly string[],
  { model }: Pick<CommandExecutorConfig, 'model'>,
  shown: (text: string, most: number) => string,
): Pick<ExecutorParameters, 'argv' | 'more_arguments'> {
  const more = argv.length - WORK_LIMITS.arguments;
  return {
    argv: argv.slice(0, WORK_LIMITS.arguments).map((argument, index) => {
      // A flag says what follows it: a key of the user's own need not look like one.
      const flagBefore = /^--?[A-Za-z0-9_-]+$/.exec(argv[index - 1] ?? '')?.[0];
      if (flagBefore !== undefined && isSecret(flagBefore, argument)) return MASKED;
      const filled = argument.replaceAll('{model}', model.requested ?? '');
      const [flag = ''] = /^--?[A-Za-z0-9_-]+=/.exec(filled) ?? [];
      return shown(`${flag}${shortPath(filled.slice(flag.length))}`, WORK_LIMITS.argument);
    }),
    ...(more > 0 ? { more_arguments: more } : {}),
  };
}

const MASKED = '[masked]';
/** A number of tokens is a setting, and no secret. */
const isSecret = (name: string, value: string): boolean =>
  SECRET_NAME.test(name) && !(/tokens/i.test(name) && /^\d+$/.test(value));

/** A name with what is between it and its value: `NAME=`, `"name": "`, `Name: `, and `--name ` as scripts have it. */
const NAMED = /([\w.-]{1,80})["']?(?:\s{0,3}([=:])\s{0,3}|\s{1,3})(["']?)/g;
const PASSWORD_OF_ADDRESS = /(?<=:\/\/[^\s/?#@:]{0,80}:)[^\s/?#@]+(?=@)/g;

/** Masks the values whose names say that they are credentials. */
function maskNamed(text: string): string {
  let masked = '';
  let done = 0;
  for (const { 0: all, 1: name = '', 2: sign, 3: quote, index } of text.matchAll(NAMED)) {
    const start = index + all.length;
    if (index < done || (sign === undefined && !name.startsWith('-'))) continue;
    // A header's value may be several words.
    const ends = quote === '' ? (sign === ':' ? /["'\n]/ : /[\s"'&;,]/) : /["'\n]/;
    const rest = text.slice(start);
    const end = rest.search(ends);
    const value = end === -1 ? rest : rest.slice(0, end);
    if (value === '' || value.startsWith('[masked') || !isSecret(name, value)) continue;
    masked += `${text.slice(done, start)}${MASKED}`;
    done = start + value.length;
  }
  return `${masked}${text.slice(done)}`.replace(PASSWORD_OF_ADDRESS, MASKED);
}

/** Where a machine has a file says who works there. */
const shortPath = (text: string): string => (isAbsolute(text) ? `…/${basename(text)}` : text);

function modelSettings({ parameters, ...program }: ModelProgram): Readonly<Record<string, unknown>> {
  const { provider_options, ...numbers } = parameters;
  const { api_key_env: _, ...rest } = program;
  const options = Object.entries(provider_options).map(([name, value]) => [`provider_options.${name}`, value] as const);
  return { ...rest, ...numbers, ...Object.fromEntries(options) };
}

/** A value that is none by itself, such as a rule of permissions, as its JSON. */
function shownSettings(
  settings: Readonly<Record<string, unknown>>,
  shown: (text: string, most: number) => string,
): Settings {
  return Object.fromEntries(
    Object.entries(settings)
      .filter(([, value]) => value !== undefined)
      .slice(0, WORK_LIMITS.names)
      .map(([name, value]) => [printable(name, WORK_LIMITS.name - 1), shownValue(name, value, shown)]),
  );
}

function shownValue(name: string, value: unknown, shown: (text: string, most: number) => string): Settings[string] {
  if (typeof value === 'number' || typeof value === 'boolean') return value;
  if (name.startsWith('provider_options.') && SECRET_NAME.test(name) && typeof value === 'string') return MASKED;
  return shown(typeof value === 'string' ? value : JSON.stringify(value), WORK_LIMITS.value);
}

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

interface FirstAcpExecutor {
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
