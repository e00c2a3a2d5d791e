import { Command, InvalidArgumentError } from 'commander';
import type { CommandContext } from '../context.js';
import type { WorkerOptions } from '../serve-runs.js';

const EXAMPLES = `
Examples:
  promptos worker
  promptos worker --worker-config ./reviewer.yaml
  promptos worker --start-server --detach && promptos server status
  promptos worker restart

It serves the Temporal that TEMPORAL_* or temporal.toml name, else the embedded server. Its log is JSON Lines on standard
error. Ctrl-C lets running gates be handed back to the next worker, and ends it with 0; a second Ctrl-C ends it at once.`;

function repository(text: string, before: Readonly<Record<string, string>> = {}): Readonly<Record<string, string>> {
  const split = text.indexOf('=');
  if (split < 1 || split === text.length - 1) throw new InvalidArgumentError('expected NAME=PATH.');
  return { ...before, [text.slice(0, split)]: text.slice(split + 1) };
}

/** `promptos worker`: carries out runs until it is told to stop. */
export function workerCommand(context: CommandContext): Command {
  return new Command('worker')
    .description('carry out runs: the engine and the roles that the worker config says')
    .option('--worker-config <file>', 'the worker config (default: .promptos/worker.yaml of the repository)')
    .option(
      '--repository <name=path>',
      'a repository that runs may name, beside those of the config; may be given several times',
      repository,
    )
    .option('--start-server', 'start the embedded Temporal server when it does not run')
    .option('--detach', 'leave it running in the background and return when it is ready')
    .addHelpText('after', EXAMPLES)
    .addCommand(restartCommand(context))
    .action(async (options: WorkerOptions) => {
      const { serveRuns, serveInBackground } = await import('../serve-runs.js');
      await (options.detach === true ? serveInBackground : serveRuns)(context, options);
    });
}

/** `promptos worker restart`: another worker in the background, on the server that goes on. */
const restartCommand = (context: CommandContext): Command =>
  new Command('restart')
    .description('end the worker in the background and start another; the server and its runs go on')
    .option('--worker-config <file>', 'the worker config (default: that of the worker before)')
    .option('--repository <name=path>', 'a repository that runs may name, beside those of before', repository)
    .addHelpText(
      'after',
      `
Examples:
  promptos worker restart
  promptos worker restart --worker-config ./reviewer.yaml

For a changed worker config, new keys or an update of promptos. Gates that are being carried out are handed back, and the
new worker carries them out again. Where no worker runs in the background, one is started.`,
    )
    .action(async (_options: WorkerOptions, command: Command) => {
      const { restartInBackground } = await import('../serve-runs.js');
      // Options of the same name before "restart" are the parent's.
      await restartInBackground(context, command.optsWithGlobals());
    });
