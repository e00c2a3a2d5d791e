import { resolve } from 'node:path';
import { PromptOsError } from '../../contracts/errors.js';
import type { BackgroundProcess } from '../../embedded/background-process.js';
import { lastServed } from '../../embedded/state-files.js';
import { locateTemporal } from '../app/connect.js';
import type { CommandContext } from '../app/context.js';
import { findProject, requireSetting } from '../app/project.js';
import { stopSignal } from '../app/stop-signal.js';
import { restartDetachedWorker, startDetachedWorker } from './background.js';
import { hostWorkers, type RunPlace } from './run-place.js';

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
