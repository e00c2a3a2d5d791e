import { resolve } from 'node:path';
import { styleText } from 'node:util';
import { Command } from 'commander';
import { findProjectFiles } from '../../config/project-files.js';
import { builtInPackDir } from '../../config/prompt-pack.js';
import { counted } from '../../contracts/sentences.js';
import type { CommandContext } from '../context.js';
import { keyProbes } from '../doctor/key-probes.js';
import { machineProbes, type TemporalProbes } from '../doctor/machine-probes.js';
import { type ProbeReport, type ProbeSetting, type ProbeStatus, runProbes } from '../doctor/probe.js';
import { projectProbes } from '../doctor/project-probes.js';
import { temporalProbes } from '../doctor/temporal.js';
import type { Output } from '../output.js';

const COLORS = { ok: 'green', warn: 'yellow', fail: 'red' } as const satisfies Record<ProbeStatus, string>;
const NAME_WIDTH = 16;
const INDENT = ' '.repeat(6 + NAME_WIDTH);

function tell(output: Output, { name, status, message, next }: ProbeReport): void {
  const mark = status.padEnd(4);
  const shown = output.color ? styleText(COLORS[status], mark) : mark;
  output.say(`${shown}  ${name.padEnd(NAME_WIDTH)}${message.replaceAll('\n', `\n${INDENT}`)}`);
  if (next !== undefined) output.say(`${INDENT}→ ${next}`);
}

function conclusion(reports: readonly ProbeReport[]): string {
  const count = (status: ProbeStatus) => reports.filter((report) => report.status === status).length;
  if (count('fail') > 0) return `${count('fail')} of ${reports.length} failed: runs cannot work yet.`;
  return count('warn') > 0 ? `Runs can work; ${counted(count('warn'), 'warning')}.` : 'All is well.';
}

/**
 * `promptos doctor`: everything that must be right for runs to work, each with the next step.
 * @param probes what is asked of Temporal; the real thing unless a test says otherwise
 */
export function doctorCommand(context: CommandContext, probes?: TemporalProbes): Command {
  return new Command('doctor')
    .description('check everything that runs need, and say what to do about what is missing')
    .option('--prompt-pack <dir>', 'the prompt pack that runs would use (default: the built-in one)')
    .option('--json', 'print one JSON object instead')
    .addHelpText('after', '\nExits with 1 when something fails.\n\nExample:\n  $ promptos doctor\n')
    .action(async ({ promptPack }: { readonly promptPack?: string }) => {
      const output = context.output();
      const { cwd, env } = context;
      const files = await findProjectFiles(cwd, env.PROMPTOS_HOME || undefined);
      const pack = promptPack === undefined ? builtInPackDir() : resolve(cwd, promptPack);
      const setting: ProbeSetting = { files, env, pack };
      const reports = await runProbes([
        ...machineProbes(setting, probes ?? temporalProbes(env)),
        ...projectProbes(setting),
        ...keyProbes(setting),
      ]);
      for (const report of reports) tell(output, report);
      output.say();
      output.say(conclusion(reports));
      const healthy = reports.every(({ status }) => status !== 'fail');
      output.emit({ healthy, probes: reports });
      if (!healthy) context.exit(1);
    });
}
