import { findServer, stopServer } from '../../embedded/server.js';
import type { ServerRecord } from '../../embedded/state-files.js';
import { findWorker, type WorkerRecord, withoutWorker } from '../../embedded/worker-process.js';
import type { CommandContext } from '../app/context.js';

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

export async function showState({ output, exit }: CommandContext, folder: string): Promise<void> {
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
export async function stopProcesses({ output }: CommandContext, folder: string): Promise<void> {
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
