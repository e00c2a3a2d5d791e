import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFile } from 'node:fs/promises';
import { resolve } from 'node:path';
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
  lastServed,
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
import { locateTemporal } from '../app/connect.js';
import type { CommandContext } from '../app/context.js';
import { findProject, type Project, requireSetting } from '../app/project.js';
import { stopSignal } from '../app/stop-signal.js';
import type { RunPlace } from './run-place.js';

export interface WorkerOptions {
  readonly workerConfig?: string;
  /** Paths by name, beside those of the config. */
  readonly repository?: Readonly<Record<string, string>>;
  readonly startServer?: true;
  readonly detach?: true;
}

/** The project's setting, which must have a config, and the repositories that the line adds. */
async function readPlace(context: CommandContext, options: WorkerOptions): Promise<RunPlace> {
  const project = await findProject(context, undefined, options.workerConfig);
  const { setting } = await requireSetting(project);
  const { config } = setting;
  const added = Object.entries(options.repository ?? {}).map(([name, path]) => [
    name,
    { path: resolve(context.cwd, path) },
  ]);
  const repositories = { ...config.repositories, ...Object.fromEntries(added) };
  return { project, setting: { ...setting, config: { ...config, repositories } } };
}

/**
 * `worker`: serves until SIGINT or SIGTERM, or until a worker breaks.
 * @throws PromptOsError WORKER_CONFIG_NOT_FOUND, SERVER_NOT_RUNNING, TEMPORAL_UNREACHABLE, and for a config that is wrong
 */
export async function serveRuns(context: CommandContext, options: WorkerOptions): Promise<void> {
  const output = context.output();
  const { project, setting } = await readPlace(context, options);
  const temporal = await locateTemporal(project, options.startServer === true, output.note);
  const { hostWorkers } = await import('./run-place.js');
  const hosted = await hostWorkers(setting, temporal, {
    logLevel: project.environment.promptos.PROMPTOS_LOG_LEVEL,
    note: output.note,
  });
  // Listening before it says so: a caller that waits for "ready" may stop it at once.
  const stopped = stopSignal();
  output.say(
    `polls ${hosted.taskQueues.join(', ')} at ${temporal.connectionOptions.address}, namespace ${temporal.namespace}`,
  );
  output.say('ready');
  output.emit({ event: 'ready', task_queues: hosted.taskQueues });
  await Promise.race([hosted.finished, stopped]);
  await hosted.stop();
  output.say('stopped');
  output.emit({ event: 'stopped' });
}

/**
 * `worker --detach`: leaves a worker in the background.
 * @throws PromptOsError WORKER_RUNNING, WORKER_NOT_STARTED
 */
export async function serveInBackground(context: CommandContext, options: WorkerOptions): Promise<void> {
  const place = await readPlace(context, options);
  // Started here, so that whatever goes wrong with the server is reported in full.
  await locateTemporal(place.project, options.startServer === true, context.output().note);
  const { worker, started, task_queues } = await startDetachedWorker(context, place);
  if (!started) {
    throw new PromptOsError('WORKER_RUNNING', `A worker runs in the background already (pid ${worker.pid}).`);
  }
  tellReady(context, worker, task_queues);
}

/**
 * `worker restart`: ends the worker in the background and starts another, which serves what the line says, else what the one
 * before served. The server goes on. Whatever is wrong with the config or the server is found before the worker is ended.
 * @throws PromptOsError WORKER_NOT_STARTED, SERVER_NOT_RUNNING, and for a config that is wrong
 */
export async function restartInBackground(context: CommandContext, options: WorkerOptions): Promise<void> {
  const { files } = await findProject(context);
  const served = await lastServed(files.state);
  const workerConfig = options.workerConfig ?? served?.worker_config ?? undefined;
  const place = await readPlace(context, {
    ...(workerConfig === undefined ? {} : { workerConfig }),
    repository: { ...served?.repositories, ...options.repository },
  });
  await locateTemporal(place.project, false, context.output().note);
  const { worker, ended, task_queues } = await restartDetachedWorker(context, place);
  context.output().say(ended === null ? 'No worker ran in the background.' : `Stopped the worker (pid ${ended.pid}).`);
  tellReady(context, worker, task_queues);
}

function tellReady(context: CommandContext, { pid, log }: BackgroundProcess, task_queues: readonly string[]): void {
  const output = context.output();
  output.say(`A worker runs in the background (pid ${pid}); it polls ${task_queues.join(', ')}.`);
  output.say(`log  ${log}`);
  output.say('`promptos server stop` ends it.');
  output.emit({ event: 'ready', task_queues, pid, log });
}

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
    env: context.env,
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
