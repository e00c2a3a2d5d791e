import { Command } from 'commander';
import { findServer, stopServer } from '../../embedded/server.js';
import type { ServerRecord } from '../../embedded/state-files.js';
import { findWorker, type WorkerRecord, withoutWorker } from '../../embedded/worker-process.js';
import type { CommandContext } from '../context.js';

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

/** The worker first: it says goodbye to the server. Until the server has ended no other worker is started. */
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
export function serverCommand(context: CommandContext, stateDir: () => Promise<string>): Command {
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
