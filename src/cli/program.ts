import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import process from 'node:process';
import { Command, type CommandUnknownOpts } from '@commander-js/extra-typings';
import { parseJson } from '../contracts/json.js';
import type { CommandContext } from './app/context.js';
import { addGlobalOptions, withSubcommands } from './app/options.js';
import type { StoreCommandContext } from './app/published-run.js';
import { applyCommand } from './audit/apply-command.js';
import { exceptCommand } from './audit/except-command.js';
import { prCheckCommand } from './audit/pr-check-command.js';
import { traceCommand } from './audit/trace-command.js';
import { ungovernedCommand } from './audit/ungoverned-command.js';
import { verifyCommand } from './audit/verify-command.js';
import { completionCommand } from './completion/completion-command.js';
import {
  approveCommand,
  askOnTerminal,
  cancelCommand,
  escalateCommand,
  rejectCommand,
  resolveCommand,
} from './decide/decide-commands.js';
import { demoCommand } from './demo/demo-command.js';
import { doctorCommand } from './doctor/doctor-command.js';
import { keysCommand } from './keys/keys-command.js';
import { hooksCommand } from './packs/hooks-command.js';
import { lintCommand, promptsCommand } from './packs/pack-commands.js';
import { exportCommand, prBlockCommand } from './runs/result-commands.js';
import { runCommand } from './runs/run-command.js';
import { devCommand } from './start/dev-command.js';
import { initCommand } from './start/init-command.js';
import { serverCommand, workerCommand } from './start/process-commands.js';

/** The version in a package.json. */
function versionIn(path: string | URL): string {
  const { version } = parseJson(readFileSync(path)) as { readonly version?: string };
  return version ?? 'unknown';
}

/** The version of this package: two levels above `cli`, in `src` as in `dist`. */
const ownVersion = (): string => versionIn(new URL('../../package.json', import.meta.url));

const sdkVersion = (): string => versionIn(createRequire(import.meta.url).resolve('@temporalio/client/package.json'));

/** `promptos version`: the versions of everything that a report of a defect should name. */
function versionCommand(context: CommandContext): CommandUnknownOpts {
  return new Command('version')
    .description('print the versions of promptos, its prompt pack, the Temporal SDK and Node.js')
    .addHelpText('after', '\nExample:\n  promptos version --json')
    .action(async () => {
      const { builtInPackDir, readPromptPack } = await import('../config/prompt-pack.js');
      const { prompt_os_version, digest } = await readPromptPack(builtInPackDir(), context.env);
      const [promptos, temporal_sdk] = [ownVersion(), sdkVersion()];
      const node = process.versions.node;
      const output = context.output();
      output.say(`promptos      ${promptos}`);
      output.say(`prompt pack   ${prompt_os_version} (${digest.slice(0, 12)}…)`);
      output.say(`Temporal SDK  ${temporal_sdk}`);
      output.say(`Node.js       ${node}`);
      output.emit({ promptos, prompt_pack: prompt_os_version, prompt_pack_sha256: digest, temporal_sdk, node });
    });
}

const EXAMPLES = `
Examples:
  promptos demo                              one governed run from end to end
  promptos init                              in a repository of your own
  promptos dev --developer ada --notes "…"   start a run there
  promptos approve latest                    decide on the output of its gate

Exit codes: 0 done, 1 the answer is no, 2 wrong usage, 3 infrastructure. docs/errors.md explains every code.`;

/** The whole command line. Each group of commands has its own heading in the help. */
export function createProgram(context: StoreCommandContext): CommandUnknownOpts {
  const stateDir = async (): Promise<string> => {
    const { findProject } = await import('./app/project.js');
    return (await findProject(context)).files.state;
  };
  const program = new Command('promptos')
    .description('Governed AI work as durable Temporal workflows: gates, human approvals, and a record to check.')
    .version(ownVersion(), '-V, --version', 'print the version of promptos; `promptos version` prints more')
    .addHelpText('after', EXAMPLES)
    .showSuggestionAfterError();
  const groups: Readonly<Record<string, readonly CommandUnknownOpts[]>> = {
    'Start:': [demoCommand(context), initCommand(context), devCommand(context), doctorCommand(context)],
    'Decide:': [approveCommand(context), rejectCommand(context), escalateCommand(context), resolveCommand(context)],
    'Runs and their results:': [
      runCommand(context, cancelCommand(context), askOnTerminal),
      exportCommand(context),
      prBlockCommand(context),
      applyCommand(context),
    ],
    'Audit:': [
      verifyCommand(context),
      traceCommand(context),
      prCheckCommand(context),
      ungovernedCommand(context),
      exceptCommand(context),
    ],
    'Prompt packs:': [lintCommand(context), promptsCommand(context), hooksCommand(context)],
    'Keys:': [keysCommand(context)],
    'Processes:': [workerCommand(context), serverCommand(context, stateDir)],
    'This program:': [versionCommand(context), completionCommand(context, () => program)],
  };
  for (const [heading, commands] of Object.entries(groups)) {
    for (const command of commands) program.addCommand(command.helpGroup(heading));
  }
  for (const command of withSubcommands(program)) command.helpCommand(false);
  addGlobalOptions(program);
  return program;
}
