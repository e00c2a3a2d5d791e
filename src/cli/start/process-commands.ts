import { Command, type CommandUnknownOpts, InvalidArgumentError } from '@commander-js/extra-typings';
import type { CommandContext } from '../app/context.js';

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

/** `promptos worker`: carries out runs until it is stopped. */
export function workerCommand(context: CommandContext): CommandUnknownOpts {
  return new Command('worker')
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
    .action(async (options) => {
      const { serveRuns, serveInBackground } = await import('./serve-runs.js');
      await (options.detach === true ? serveInBackground : serveRuns)(context, options);
    });
}

/** `promptos worker restart`: another worker in the background, on the server that goes on. */
const restartCommand = (context: CommandContext): CommandUnknownOpts =>
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
    .action(async (_options, command) => {
      const { restartInBackground } = await import('./serve-runs.js');
      // Options of the same name before "restart" are the parent's.
      await restartInBackground(context, command.optsWithGlobals());
    });

/**
 * `promptos server status|stop`: the embedded server and the worker that `--detach` left in the background.
 * @param stateDir the state folder of the repository that the command is called in.
 */
export function serverCommand(context: CommandContext, stateDir: () => Promise<string>): CommandUnknownOpts {
  const server = new Command('server').addHelpText('after', '\nExample:\n  promptos server status');
  server
    .command('status')
    .description('say whether they run, and where; exit 1 when no server runs')
    .addHelpText('after', '\nExample:\n  promptos server status --json')
    .action(async () => (await import('./server-state.js')).showState(context, await stateDir()));
  server
    .command('stop')
    .description('end them; runs stay in the database and go on after the next start')
    .addHelpText('after', '\nExample:\n  promptos server stop')
    .action(async () => (await import('./server-state.js')).stopProcesses(context, await stateDir()));
  return server;
}
