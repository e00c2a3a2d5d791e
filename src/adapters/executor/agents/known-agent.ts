import { resolve } from 'node:path';
import type { CommandExecutorConfig, StartedExecutorConfig } from '../../../contracts/config/executor-config.js';
import type { ModelProgram } from '../../../contracts/config/model-executor.js';
import { canonicalSha256 } from '../../../contracts/json.js';
import type { ExecutorDescriptor } from '../../../contracts/record/attempt.js';
import { findProgram } from '../../platform/find-program.js';
import type { Environment } from '../../platform/pass-variables.js';
import type { PrintedJson } from '../output/printed-json.js';
import { shownName } from '../output/shown-name.js';
import type { WorkLocation } from '../output/work-location.js';
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
