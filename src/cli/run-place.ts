import { openStore } from '../adapters/open-store.js';
import { GovernedRuns } from '../client/client.js';
import { engineTaskQueue } from '../contracts/names.js';
import { stateFiles } from '../embedded/state-files.js';
import type { ArtifactStore } from '../ports/artifact-store.js';
import { type Connected, connectTemporal } from './connect.js';
import type { CommandContext } from './context.js';
import { type HostedWorkers, hostWorkers } from './host-workers.js';
import type { PreparedRun } from './prepare-run.js';
import { projectKeys } from './project.js';
import { createSignerFinder } from './signing.js';
import { warnWithoutPollers } from './start-warnings.js';
import { type ThisRepository, thisRepository } from './this-repository.js';

/** Where a run is carried out: its project, and a setting that knows its repository. */
export type RunPlace = Pick<PreparedRun, 'project' | 'setting'>;

/** A project's runs, on the Temporal that it uses. */
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
        })
      : null;
  if (workers === null) await warnWithoutPollers(place, temporal, context.output().note);
  try {
    return await work(workers);
  } finally {
    await workers?.stop();
  }
}
