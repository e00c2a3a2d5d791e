import { createWriteStream } from 'node:fs';
import { NativeConnection } from '@temporalio/worker';
import { executorLacks } from '../../adapters/executor/presets/presets.js';
import { unpushedCommit } from '../../adapters/git/facts.js';
import { openStore } from '../../adapters/open-store.js';
import { GovernedRuns } from '../../client/client.js';
import type { Environment } from '../../config/environment.js';
import type { ProjectFiles } from '../../config/project-files.js';
import { workerRoute } from '../../config/proxy.js';
import type { WorkerConfig } from '../../contracts/config/worker-config.js';
import { engineTaskQueue } from '../../contracts/names.js';
import { stateFiles } from '../../embedded/state-files.js';
import type { ArtifactStore } from '../../ports/artifact-store.js';
import { bridgeTemporalLog, createGovernanceWorkers, createLog, type WorkerSetting } from '../../worker.js';
import {
  type Connected,
  connectTemporal,
  countPollers,
  runQueues,
  type TemporalAddress,
  temporalUnreachable,
} from '../app/connect.js';
import type { CommandContext } from '../app/context.js';
import { projectKeys } from '../app/project.js';
import { type ThisRepository, thisRepository } from '../app/this-repository.js';
import { createSignerFinder } from '../keys/signing.js';
import type { PreparedRun } from './prepare-run.js';

/** Where a run is carried out: its project, and a setting that knows its repository. */
export type RunPlace = Pick<PreparedRun, 'project' | 'setting'>;

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

export interface HostOptions {
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
export async function hostWorkers(
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
