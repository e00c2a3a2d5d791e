import { Command, type CommandUnknownOpts, InvalidArgumentError } from '@commander-js/extra-typings';
import { findServer, stopServer } from '../../embedded/server.js';
import type { ServerRecord } from '../../embedded/state-files.js';
import { findWorker, type WorkerRecord, withoutWorker } from '../../embedded/worker-process.js';
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

/** What `--json` says of the server. */
const serverFacts = ({ address, ui_url, namespace, pid, version, database, log, started_at }: ServerRecord) => ({
  ...{ address, ui_url, namespace, pid, version, database, log, started_at },
});

const workerFacts = ({ pid, log, started_at }: WorkerRecord) => ({ pid, log, started_at });

function describeServer(server: ServerRecord): string {
  return [
    `Temporal dev server ${server.version} runs since ${server.started_at} (pid ${server.pid}).`,
    `  address   ${server.address}, namespace ${server.namespace}`,
    `  web UI    ${server.ui_url}`,
    `  database  ${server.database}`,
    `  log       ${server.log}`,
  ].join('\n');
}

const describeWorker = (worker: WorkerRecord): string =>
  `A worker runs in the background since ${worker.started_at} (pid ${worker.pid}).\n  log       ${worker.log}`;

async function status({ output, exit }: CommandContext, folder: string): Promise<void> {
  const [server, worker] = await Promise.all([findServer(folder), findWorker(folder)]);
  const { say, emit } = output();
  say(server === null ? 'No embedded Temporal server runs here.' : describeServer(server));
  say(worker === null ? 'No worker runs in the background.' : describeWorker(worker));
  emit({
    running: server !== null,
    server: server === null ? null : serverFacts(server),
    worker: worker === null ? null : workerFacts(worker),
  });
  if (server === null) exit(1);
}

/** The worker first: it reports its shutdown to the server. Until the server has ended no other worker is started. */
async function stop({ output }: CommandContext, folder: string): Promise<void> {
  const { worker, server } = await withoutWorker(folder, async (ended) => ({
    worker: ended,
    server: await stopServer(folder),
  }));
  const { say, emit } = output();
  if (worker !== null) say(`Stopped the worker (pid ${worker.pid}).`);
  if (server !== null) say(`Stopped the server (pid ${server.pid}). Its runs stay in ${server.database}.`);
  if (worker === null && server === null) say('Nothing was running.');
  emit({
    server: server === null ? null : serverFacts(server),
    worker: worker === null ? null : workerFacts(worker),
  });
}

/**
 * `promptos server status|stop`: the embedded server and the worker that `--detach` left in the background.
 * @param stateDir the state folder of the repository that the command is called in.
 */
export function serverCommand(context: CommandContext, stateDir: () => Promise<string>): CommandUnknownOpts {
  const server = new Command('server')
    .description('the embedded Temporal server and the worker in the background')
    .addHelpText('after', '\nExample:\n  promptos server status');
  server
    .command('status')
    .description('say whether they run, and where; exit 1 when no server runs')
    .addHelpText('after', '\nExample:\n  promptos server status --json')
    .action(async () => status(context, await stateDir()));
  server
    .command('stop')
    .description('end them; runs stay in the database and go on after the next start')
    .addHelpText('after', '\nExample:\n  promptos server stop')
    .action(async () => stop(context, await stateDir()));
  return server;
}
