import { existsSync } from 'node:fs';
import { basename, isAbsolute, relative, resolve } from 'node:path';
import { firstAcpExecutor } from '../../adapters/executor/agents/known-agent.js';
import { resolveArguments } from '../../adapters/executor/command-line.js';
import { type AgentPreset, type OwnService, ownService } from '../../adapters/executor/presets/agent-preset.js';
import { AGENT_PRESETS, executorLack, missingKey } from '../../adapters/executor/presets/presets.js';
import { firstModelExecutor } from '../../adapters/executor/programs/model-command.js';
import { findProgram } from '../../adapters/platform/find-program.js';
import type { FirstAgent } from '../../config/first-policy.js';
import type { ModelExecutorConfig } from '../../contracts/config/model-executor.js';
import type { AgentName } from '../../contracts/names.js';
import type { CommandContext } from '../app/context.js';

/**
 * What `--agent` names: a preset, the command line of a program that speaks the Agent Client Protocol, or a model that is
 * called by its API.
 */
export type ChosenAgent =
  | { readonly kind: 'preset'; readonly agent: AgentName }
  | { readonly kind: 'acp'; readonly argv: readonly string[] }
  | { readonly kind: 'model'; readonly named: string };

/** The agent of a first set-up. */
export interface FirstAgentSetup {
  /** As `--agent` names it. */
  readonly name: string;
  /** For people. */
  readonly title: string;
  readonly setup: FirstAgent;
  /** What the environment of `init` had a say in, one sentence each. */
  readonly assumptions: readonly string[];
  /** What it needs on this machine. */
  readonly needs:
    | {
        readonly kind: 'program';
        readonly program: string;
        /** What is known of its keys and its installation; null when nothing is. */
        readonly preset: AgentPreset | null;
      }
    | { readonly kind: 'model'; readonly config: ModelExecutorConfig };
}

/**
 * @param home the folder of the worker config
 * @throws PromptOsError USAGE for a model that is not named as it must be
 */
export function chooseAgent(
  chosen: ChosenAgent,
  { cwd, env }: Pick<CommandContext, 'cwd' | 'env'>,
  home: string,
): FirstAgentSetup {
  if (chosen.kind === 'model') {
    const { executor, config, title } = firstModelExecutor(chosen.named);
    return {
      name: `model:${chosen.named}`,
      title,
      setup: { kind: 'model', executor, complete: true },
      assumptions: [],
      needs: { kind: 'model', config },
    };
  }
  if (chosen.kind === 'preset') {
    const preset = AGENT_PRESETS[chosen.agent];
    const service = ownService(preset, env);
    const executor = { kind: 'preset', agent: chosen.agent, ...settingsOf(service, {}) };
    return {
      name: chosen.agent,
      title: preset.title,
      setup: { kind: 'preset', executor, complete: true },
      assumptions: describeService(service),
      needs: { kind: 'program', program: preset.argv[0], preset },
    };
  }
  const argv = seenFrom(home, chosen.argv, cwd);
  const { executor, preset } = firstAcpExecutor(argv);
  const service = preset === null ? null : ownService(preset, env);
  const command = argv.join(' ');
  return {
    name: `acp:${command}`,
    title: `${command}, by the Agent Client Protocol`,
    setup: { kind: 'acp', executor: { ...executor, ...settingsOf(service, executor.env) }, complete: preset !== null },
    assumptions: describeService(service),
    needs: { kind: 'program', program: argv[0] ?? '', preset },
  };
}

/** A command line whose files are named from here, as a worker config names them: from its own folder. */
function seenFrom(home: string, [program = '', ...rest]: readonly string[], cwd: string): readonly string[] {
  const moved = (path: string): string => `./${relative(home, resolve(cwd, path))}`;
  return [
    program.includes('/') && !isAbsolute(program) ? moved(program) : program,
    ...rest.map((argument) =>
      argument.startsWith('./') && existsSync(resolve(cwd, argument)) ? moved(argument) : argument,
    ),
  ];
}

/** The settings that lead an executor to a service of one's own, and to no other. */
function settingsOf(service: OwnService | null, env: { readonly set?: Readonly<Record<string, string>> }): object {
  if (service === null || !service.usable) return {};
  return { env: { ...env, set: { ...env.set, ...service.set } }, network: { hosts: [service.host] } };
}

function describeService(service: OwnService | null): readonly string[] {
  if (service === null) return [];
  const { variable } = service;
  return service.usable
    ? [
        `${variable} is set here: worker.yaml has ${Object.keys(service.set).join(', ')}, and the agents reach ${service.host} alone.`,
      ]
    : [
        `${variable} is set here, and worker.yaml does not have it: ${service.reason}. The agents use their own service; \`env\` and \`network\` in worker.yaml name another.`,
      ];
}

/**
 * What an agent lacks on this machine and in its config, one sentence each.
 * @param home the folder of the worker config
 */
export async function findAgentNeeds(
  { setup, title, needs }: FirstAgentSetup,
  env: CommandContext['env'],
  home: string,
): Promise<readonly string[]> {
  if (needs.kind === 'model') {
    const lack = executorLack(needs.config, env);
    return lack === null ? [] : [lack.message];
  }
  const { program, preset } = needs;
  const [path = ''] = resolveArguments([program], home);
  const found = findProgram(path, env.PATH);
  const missing = preset === null ? null : missingKey(preset, env);
  const how = setup.kind === 'preset' && preset !== null ? ` ${preset.install}` : '';
  const where = program.includes('/') ? `there is no program ${path}` : `there is no ${basename(program)} on PATH`;
  return [
    ...(found === null ? [`Install ${setup.kind === 'preset' ? title : basename(program)}: ${where}.${how}`] : []),
    ...(missing === null ? [] : [missing]),
    ...(preset === null
      ? [
          'Name in worker.yaml the variables with the key of the agent (`env.allow`) and the hosts that it must reach (`network.hosts`): it has no key and no network until then (docs/agents/acp.md).',
        ]
      : []),
  ];
}
