import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFile } from 'node:fs/promises';
import process from 'node:process';
import { setTimeout as delay } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { z } from 'zod';
import { isRunning } from '../../adapters/platform/process-identity.js';
import { PromptOsError } from '../../contracts/errors.js';
import { parseJsonAs } from '../../contracts/json.js';
import { type BackgroundProcess, lastLines, openLog, stopProcess } from '../../embedded/background-process.js';
import { findServer, stopServer } from '../../embedded/server.js';
import {
  findWorker,
  recordWorker,
  type ServedByWorker,
  type ServerRecord,
  stateFiles,
  WORKER_LOCK_TIMEOUT_MS,
  type WorkerRecord,
  withoutWorker,
  withStateLock,
} from '../../embedded/state-files.js';
import type { WorkerSetting } from '../../worker.js';
import type { CommandContext } from '../app/context.js';
import type { Project } from '../app/project.js';
import type { RunPlace } from './prepare-run.js';

const READY_TIMEOUT_MS = 60_000;
const STOP_GRACE_MS = 10_000;
const POLL_MS = 100;
const LOG_LINES = 8;

export interface DetachedWorker {
  readonly worker: BackgroundProcess;
  /** Whether this call started it; false when one ran already. */
  readonly started: boolean;
  /** What it polls; empty when one ran already. */
  readonly task_queues: readonly string[];
}

/** The `promptos` of this package, two levels above this file, in `src` as in `dist`. */
const PROGRAM = fileURLToPath(new URL('../../../bin/promptos', import.meta.url));

const readySchema = z.object({ event: z.literal('ready'), task_queues: z.array(z.string()) });

/**
 * Leaves a worker for a project's config in the background, and waits until it polls. It outlives this process and is
 * written down, so that `promptos server status|stop` knows it. One that runs already is left as it is.
 * @throws PromptOsError WORKER_NOT_STARTED with the last lines of its log
 */
export async function startDetachedWorker(
  context: CommandContext,
  { project, setting }: RunPlace,
): Promise<DetachedWorker> {
  const { stateDir } = setting;
  return withStateLock(stateFiles(stateDir).workerLock, WORKER_LOCK_TIMEOUT_MS, async () => {
    const running = await findWorker(stateDir);
    if (running !== null) return { worker: running, started: false, task_queues: [] };
    return start(context, project, setting);
  });
}

/**
 * Ends the worker in the background and starts another one for a project's config; the server is left alone. Gates that
 * were being carried out are handed back, and tried again by the new worker.
 * @returns the worker that was ended too, or null when none ran
 * @throws PromptOsError WORKER_NOT_STARTED, PROCESS_NOT_STOPPED
 */
export async function restartDetachedWorker(
  context: CommandContext,
  { project, setting }: RunPlace,
): Promise<DetachedWorker & { readonly ended: BackgroundProcess | null }> {
  return withoutWorker(setting.stateDir, async (ended) => ({ ended, ...(await start(context, project, setting)) }));
}

async function start(context: CommandContext, project: Project, setting: WorkerSetting): Promise<DetachedWorker> {
  const { workerLog } = stateFiles(setting.stateDir);
  const log = await openLog(workerLog);
  const served = servedBy(project, setting);
  const child = spawn(process.execPath, [PROGRAM, ...workerArguments(served)], {
    cwd: context.cwd,
    // The project of the run, which need not be the one around this folder.
    env: { ...context.env, PROMPTOS_HOME: project.files.home },
    detached: true,
    stdio: ['ignore', log.handle.fd, log.handle.fd],
  });
  const spawnError = once(child, 'error').then(([error]: Error[]) => error);
  const worker = child.pid === undefined ? null : recordWorker(setting.stateDir, child.pid, served);
  child.unref();
  await log.handle.close();
  const failed = async (problem: string): Promise<never> => {
    const lines = await lastLines(workerLog, log.offset, LOG_LINES);
    const shown = lines.length === 0 ? 'is empty.' : `ends with:${lines.map((line) => `\n  ${line}`).join('')}`;
    throw new PromptOsError('WORKER_NOT_STARTED', `${problem} Its log, ${workerLog}, ${shown}`);
  };
  if (child.pid === undefined) return failed(`The worker cannot be executed: ${(await spawnError)?.message}.`);
  if (worker === null) return failed('The worker ended at once.');
  const task_queues = await becomesReady(worker, workerLog, log.offset);
  if (task_queues !== null) return { worker, started: true, task_queues };
  if (!isRunning(worker)) return failed('The worker ended before it was ready.');
  await stopProcess(worker, STOP_GRACE_MS);
  return failed(`The worker was not ready within ${READY_TIMEOUT_MS / 1_000} seconds.`);
}

/** The repositories are passed on, since a run on a folder that no config names adds that folder by itself. */
const servedBy = ({ workerConfigPath }: Project, { config }: WorkerSetting): ServedByWorker => ({
  worker_config: workerConfigPath,
  repositories: Object.fromEntries(
    Object.entries(config.repositories).flatMap(([name, entry]) => ('path' in entry ? [[name, entry.path]] : [])),
  ),
});

const workerArguments = ({ worker_config, repositories }: ServedByWorker): readonly string[] => [
  'worker',
  '--json',
  ...(worker_config === null ? [] : ['--worker-config', worker_config]),
  ...Object.entries(repositories).flatMap(([name, path]) => ['--repository', `${name}=${path}`]),
];

/** The queues that the worker polls, as it writes them into its log; null when it ends first or takes too long. */
async function becomesReady(
  worker: BackgroundProcess,
  logFile: string,
  offset: number,
): Promise<readonly string[] | null> {
  const deadline = performance.now() + READY_TIMEOUT_MS;
  while (performance.now() < deadline) {
    const alive = isRunning(worker);
    const queues = await readyQueues(logFile, offset);
    if (queues !== null || !alive) return queues;
    await delay(POLL_MS);
  }
  return null;
}

async function readyQueues(logFile: string, offset: number): Promise<readonly string[] | null> {
  const written = (await readFile(logFile)).subarray(offset).toString('utf8');
  const line = written.split('\n').find((one) => one.startsWith('{"event":"ready"') && one.endsWith('}'));
  return line === undefined ? null : parseJsonAs(readySchema, line).task_queues;
}

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
