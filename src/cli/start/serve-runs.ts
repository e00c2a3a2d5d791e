import { createWriteStream } from 'node:fs';
import { resolve } from 'node:path';
import { NativeConnection } from '@temporalio/worker';
import { executorLacks } from '../../adapters/executor/presets/presets.js';
import { unpushedCommit } from '../../adapters/git/facts.js';
import { openStore } from '../../adapters/open-store.js';
import { GovernedRuns } from '../../client/client.js';
import type { Environment } from '../../config/environment.js';
import type { ProjectFiles } from '../../config/project-files.js';
import { workerRoute } from '../../config/proxy.js';
import type { WorkerConfig } from '../../contracts/config/worker-config.js';
import { PromptOsError } from '../../contracts/errors.js';
import { engineTaskQueue } from '../../contracts/names.js';
import type { BackgroundProcess } from '../../embedded/background-process.js';
import { lastServed, stateFiles } from '../../embedded/state-files.js';
import type { ArtifactStore } from '../../ports/artifact-store.js';
import { bridgeTemporalLog, createGovernanceWorkers, createLog, type WorkerSetting } from '../../worker.js';
import {
  type Connected,
  connectTemporal,
  countPollers,
  locateTemporal,
  runQueues,
  type TemporalAddress,
  temporalUnreachable,
} from '../app/connect.js';
import type { CommandContext } from '../app/context.js';
import { findProject, projectKeys, requireSetting } from '../app/project.js';
import { stopSignal } from '../app/stop-signals.js';
import { type ThisRepository, thisRepository } from '../app/this-repository.js';
import { createSignerFinder } from '../keys/signing.js';
import { restartDetachedWorker, startDetachedWorker } from './background.js';
import type { PreparedRun, RunPlace } from './prepare-run.js';

export interface OpenedPlace {
  readonly temporal: Connected;
  readonly store: ArtifactStore;
  readonly runs: GovernedRuns;
  readonly here: ThisRepository;
}

/** Opens the runs of a place, starts the embedded server where that is the Temporal in use, and closes the connection. */
export async function withTemporal<T>(
  context: CommandContext,
  { project, setting }: RunPlace,
  key: string | undefined,
  work: (opened: OpenedPlace) => Promise<T>,
): Promise<T> {
  const temporal = await connectTemporal(project, { start: true, log: context.output().note });
  try {
    const store = openStore(setting);
    const taskQueue = engineTaskQueue(setting.config);
    const signerFor = createSignerFinder(context, store, { key, keysDir: projectKeys(project) });
    const runs = new GovernedRuns({ client: temporal.client, taskQueue, store, signerFor });
    return await work({ temporal, store, runs, here: await thisRepository(project, store) });
  } finally {
    await temporal.close();
  }
}

/** Hosts workers in this process where it is for this command to do so; else null. They are stopped afterwards. */
export async function withWorkers<T>(
  context: CommandContext,
  place: RunPlace,
  choices: { readonly worker: boolean },
  { temporal }: OpenedPlace,
  work: (workers: HostedWorkers | null) => Promise<T>,
): Promise<T> {
  const { project, setting } = place;
  const workers =
    temporal.embedded || choices.worker
      ? await hostWorkers(setting, temporal, {
          logLevel: project.environment.promptos.PROMPTOS_LOG_LEVEL,
          logFile: stateFiles(setting.stateDir).workerLog,
          note: context.output().note,
        })
      : null;
  if (workers === null) await warnWithoutPollers(place, temporal, context.output().note);
  try {
    return await work(workers);
  } finally {
    await workers?.stop();
  }
}

/** With a Temporal of the user's own, a queue that no worker polls is the commonest reason why nothing happens. */
export async function warnWithoutPollers(
  { setting }: Pick<PreparedRun, 'setting'>,
  { client, namespace }: Connected,
  note: (line: string) => void,
): Promise<void> {
  for (const queue of runQueues(engineTaskQueue(setting.config))) {
    if ((await countPollers(client.connection, namespace, queue)) === 0) {
      note(`warning: no worker polls the queue ${queue.name} (${queue.carries}); start one: promptos worker`);
    }
  }
}

export interface PlannedStart {
  readonly project: {
    readonly files: Pick<ProjectFiles, 'repository'>;
    readonly environment: Pick<Environment, 'variables'>;
  };
  readonly setting: { readonly config: Pick<WorkerConfig, 'repositories'> };
  readonly start: Pick<PreparedRun['start'], 'baseCommit' | 'targetRepo'>;
}

/** A worker that fetches the repository by URL cannot have a commit that is only in this clone. */
export async function warnUnpushed(
  { project, setting, start }: PlannedStart,
  note: (line: string) => void,
): Promise<void> {
  const { repository } = project.files;
  const { baseCommit, targetRepo } = start;
  const entry = setting.config.repositories[targetRepo];
  if (repository === null || entry === undefined || !('url' in entry)) return;
  const unpushed = await unpushedCommit({ folder: repository, env: project.environment.variables }, baseCommit);
  if (unpushed === null) return;
  note(
    `warning: the base commit ${baseCommit.slice(0, 12)} is on no remote branch: workers fetch ${targetRepo} by URL and cannot get it; push it: git push origin ${unpushed.branch}`,
  );
}

export interface HostedWorkers {
  readonly taskQueues: readonly string[];
  /** Rejects when a worker breaks; resolves after `stop`. */
  readonly finished: Promise<void>;
  stop(): Promise<void>;
}

interface HostOptions {
  readonly logLevel: string;
  /** A file, or standard error when absent. */
  readonly logFile?: string;
  /** Hears what is missing for some of the executors. */
  readonly note: (line: string) => void;
}

/**
 * Starts the workers of a setting in this process. Once in a process: the log goes through Temporal's one runtime.
 * @throws PromptOsError TEMPORAL_UNREACHABLE
 */
async function hostWorkers(
  setting: WorkerSetting,
  { connectionOptions, namespace, proxy }: Pick<TemporalAddress, 'connectionOptions' | 'namespace' | 'proxy'>,
  { logLevel, logFile, note }: HostOptions,
): Promise<HostedWorkers> {
  for (const { message } of executorLacks(setting.config.executors, setting.env)) note(`warning: ${message}`);
  bridgeTemporalLog(
    createLog(logLevel, logFile === undefined ? process.stderr : createWriteStream(logFile, { flags: 'a' })),
  );
  const connection = await NativeConnection.connect({ ...connectionOptions, ...workerRoute(proxy) }).catch(
    (cause: unknown) => {
      throw temporalUnreachable(connectionOptions.address, cause);
    },
  );
  const workers = await createGovernanceWorkers(setting, { connection, namespace }).catch(async (error: unknown) => {
    // An open connection keeps the process alive, and hides that there is no worker.
    await connection.close().catch(() => undefined);
    throw error;
  });
  const finished = workers.run().finally(() => connection.close());
  // A caller may await it or not: an unhandled rejection would end the process.
  finished.catch(() => undefined);
  return {
    taskQueues: workers.taskQueues,
    finished,
    stop: async () => {
      workers.shutdown();
      await finished;
    },
  };
}

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
 * `worker`: serves until a signal stops it, or until a worker breaks.
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
