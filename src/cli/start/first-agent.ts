import { basename } from 'node:path';
import { firstAcpExecutor } from '../../adapters/executor/acp-agents.js';
import { resolveArguments } from '../../adapters/executor/command-executor.js';
import type { AgentPreset } from '../../adapters/executor/presets/agent-preset.js';
import { AGENT_PRESETS, missingKey } from '../../adapters/executor/presets/presets.js';
import { findProgram } from '../../adapters/platform/find-program.js';
import type { FirstAgent } from '../../config/first-policy.js';
import type { AgentName } from '../../contracts/names.js';
import type { CommandContext } from '../app/context.js';

/** What `--agent` names: a preset, or the command line of a program that speaks the Agent Client Protocol. */
export type ChosenAgent =
  | { readonly kind: 'preset'; readonly agent: AgentName }
  | { readonly kind: 'acp'; readonly argv: readonly string[] };

/** The agent of a first set-up. */
export interface FirstAgentSetup {
  /** As `--agent` names it. */
  readonly name: string;
  /** For people. */
  readonly title: string;
  readonly program: string;
  readonly setup: FirstAgent;
  /** What is known of its keys and its installation; null when nothing is. */
  readonly preset: AgentPreset | null;
}

export function chooseAgent(chosen: ChosenAgent): FirstAgentSetup {
  if (chosen.kind === 'preset') {
    const preset = AGENT_PRESETS[chosen.agent];
    return { name: chosen.agent, title: preset.title, program: preset.argv[0], setup: chosen, preset };
  }
  const { executor, preset } = firstAcpExecutor(chosen.argv);
  const command = chosen.argv.join(' ');
  return {
    name: `acp:${command}`,
    title: `${command}, by the Agent Client Protocol`,
    program: chosen.argv[0] ?? '',
    setup: { kind: 'acp', executor, complete: preset !== null },
    preset,
  };
}

/**
 * What an agent lacks on this machine and in its config, one sentence each.
 * @param home the folder of the worker config
 */
export async function findAgentNeeds(
  { setup, title, program, preset }: FirstAgentSetup,
  env: CommandContext['env'],
  home: string,
): Promise<readonly string[]> {
  const [path = ''] = resolveArguments([program], home);
  const found = await findProgram(path, env.PATH);
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
