import { Command } from 'commander';
import { applyCommand } from './commands/apply.js';
import { approveCommand } from './commands/approve.js';
import { cancelCommand } from './commands/cancel.js';
import { askOnTerminal } from './commands/watch-ask.js';
import { completionCommand } from './commands/completion.js';
import { demoCommand } from './commands/demo.js';
import { devCommand } from './commands/dev.js';
import { doctorCommand } from './commands/doctor.js';
import { escalateCommand } from './commands/escalate.js';
import { exceptCommand } from './commands/except.js';
import { exportCommand } from './commands/export.js';
import { hooksCommand } from './commands/hooks.js';
import { initCommand } from './commands/init.js';
import { keysCommand } from './commands/keys.js';
import { lintCommand } from './commands/lint.js';
import { prBlockCommand } from './commands/pr-block.js';
import { prCheckCommand } from './commands/pr-check.js';
import { promptsCommand } from './commands/prompts.js';
import { rejectCommand } from './commands/reject.js';
import { resolveCommand } from './commands/resolve.js';
import { runCommand } from './commands/run.js';
import { serverCommand } from './commands/server.js';
import { traceCommand } from './commands/trace.js';
import { ungovernedCommand } from './commands/ungoverned.js';
import { verifyCommand } from './commands/verify.js';
import { ownVersion, versionCommand } from './commands/version.js';
import { workerCommand } from './commands/worker.js';
import { addGlobalOptions, withSubcommands } from './global-options.js';
import type { StoreCommandContext } from './published-run.js';

const EXAMPLES = `
Examples:
  promptos demo                              one governed run from end to end
  promptos init                              in a repository of your own
  promptos dev --developer ada --notes "…"   start a run there
  promptos approve latest                    decide on what it puts up

Exit codes: 0 done, 1 the answer is no, 2 wrong usage, 3 infrastructure. docs/errors.md explains every code.`;

/** The whole command line. Each group of commands stands in the help under its own heading. */
export function createProgram(context: StoreCommandContext): Command {
  const stateDir = async (): Promise<string> => {
    const { findProject } = await import('./project.js');
    return (await findProject(context)).files.state;
  };
  const program = new Command('promptos')
    .description('Governed AI work as durable Temporal workflows: gates, human approvals, and a record to check.')
    .version(ownVersion(), '-V, --version', 'print the version of promptos; `promptos version` prints more')
    .addHelpText('after', EXAMPLES)
    .showSuggestionAfterError();
  const groups: Readonly<Record<string, readonly Command[]>> = {
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
