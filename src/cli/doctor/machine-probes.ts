import { mkdtemp, rm, stat, statfs } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import process from 'node:process';
import coerce from 'semver/functions/coerce.js';
import gte from 'semver/functions/gte.js';
import { gitVersion, isGitIgnored, OLDEST_GIT } from '../../adapters/git/facts.js';
import { checkS3Store } from '../../adapters/store/s3/s3-store.js';
import { readTemporalConnection, type TemporalConnection } from '../../config/environment.js';
import { PromptOsError, systemCode } from '../../contracts/errors.js';
import { engineTaskQueue } from '../../contracts/names.js';
import type { S3StoreConfig } from '../../contracts/worker-config.js';
import { type RunQueue, runQueues } from '../app/connect.js';
import { fail, ok, type Probe, type ProbeResult, type ProbeSetting, warn, workerOrNull } from './probe.js';

const OLDEST_NODE = '20.19';
/** Less than this and a run of some size may not fit. */
const LITTLE_SPACE_BYTES = 200 * 1_024 * 1_024;

/** What the doctor must know of Temporal. A parameter, so that tests need no server. */
export interface TemporalProbes {
  /** A usable Temporal CLI, or null when it would be fetched at the first start. Downloads nothing. */
  findBinary(): Promise<{ readonly path: string; readonly version: string } | null>;
  /** The address of the embedded server of a state folder, or null when none runs. */
  findServer(stateDir: string): Promise<{ readonly address: string; readonly ui_url: string } | null>;
  /** Resolves when the server answers and knows the namespace. @throws PromptOsError TEMPORAL_UNREACHABLE */
  reach(connection: TemporalConnection): Promise<void>;
  /** How many workers poll a queue. @throws PromptOsError TEMPORAL_UNREACHABLE */
  pollers(connection: TemporalConnection, queue: Pick<RunQueue, 'name' | 'type'>): Promise<number>;
}

/** Whether a version such as `20.20.2`, or `2.39` as some builds of git print it, is at least `20.19`. */
const isAtLeast = (version: string, oldest: string): boolean =>
  gte(coerce(version) ?? '0.0.0', coerce(oldest) ?? '0.0.0');

export const nodeProbe = (version: string = process.versions.node): Probe => ({
  name: 'node',
  run: async () =>
    isAtLeast(version, OLDEST_NODE)
      ? ok(version)
      : fail(`expected ${OLDEST_NODE} or newer, received ${version}`, `Install Node ${OLDEST_NODE} or newer.`),
});

const gitProbe = ({ files, env }: ProbeSetting): Probe => ({
  name: 'git',
  run: async () => {
    const version = await gitVersion({ folder: files.repository ?? process.cwd(), env });
    if (!isAtLeast(version, OLDEST_GIT)) {
      return fail(`expected ${OLDEST_GIT} or newer, received ${version}`, `Install git ${OLDEST_GIT} or newer.`);
    }
    if (files.repository !== null) return ok(`${version}, repository ${files.repository}`);
    return warn(`${version}; this folder is in no git repository`, 'Run it inside the repository that runs are for.');
  },
});

const binaryProbe = ({ env }: ProbeSetting, temporal: TemporalProbes): Probe => ({
  name: 'temporal cli',
  run: async () => {
    if (readTemporalConnection(env) !== null) return ok('not needed: no embedded server is used');
    const binary = await temporal.findBinary();
    if (binary !== null) return ok(`${binary.version}, ${binary.path}`);
    return warn(
      'none is there yet',
      '`promptos dev` or `promptos demo` fetches the pinned one; this needs the network.',
    );
  },
});

const serverProbe = ({ env, files }: ProbeSetting, temporal: TemporalProbes): Probe => ({
  name: 'temporal server',
  run: async () => {
    const connection = readTemporalConnection(env);
    if (connection !== null) {
      await temporal.reach(connection);
      const { address = 'localhost:7233' } = connection.connectionOptions;
      const namespace = connection.namespace ?? 'default';
      return ok(`${address}, namespace ${namespace}, named by ${connection.named_by.join(', ')}`);
    }
    const server = await temporal.findServer(files.state);
    if (server !== null) return ok(`embedded at ${server.address}, web UI ${server.ui_url}`);
    return ok('embedded; none runs now, `promptos dev` starts it');
  },
});

/** Whether each queue of the named server has a worker; `dev` starts a worker for the embedded server by itself. */
const workersProbe = (setting: ProbeSetting, temporal: TemporalProbes): Probe => ({
  name: 'workers',
  run: async () => {
    const connection = readTemporalConnection(setting.env);
    if (connection === null) return ok('started by `promptos dev` with the embedded server');
    const queues = runQueues(engineTaskQueue((await workerOrNull(setting))?.config ?? {}));
    const counts = await Promise.all(queues.map((queue) => temporal.pollers(connection, queue)));
    const named = (some: readonly RunQueue[]) => some.map(({ name, carries }) => `${name} (${carries})`).join(', ');
    const idle = queues.filter((_, index) => counts[index] === 0);
    if (idle.length === 0) return ok(`each of ${queues.map(({ name }) => name).join(', ')} has one`);
    return warn(
      `no worker polls ${named(idle)}`,
      'Start `promptos worker` where the key of that role is, or give `dev --worker`.',
    );
  },
});

/** The nearest folder that is there: what is missing below it would be made. */
async function nearestFolder(path: string): Promise<string> {
  const found = await stat(path).catch(() => null);
  if (found !== null) return path;
  return nearestFolder(dirname(path));
}

async function tryStore(path: string): Promise<ProbeResult> {
  const folder = await nearestFolder(path);
  try {
    await rm(await mkdtemp(join(folder, '.promptos-doctor-')), { recursive: true });
  } catch (error) {
    const code = systemCode(error);
    throw new PromptOsError(
      code === 'ENOSPC' || code === 'EDQUOT' ? 'STORE_FULL' : 'STORE_NOT_WRITABLE',
      `${path}: nothing can be written in ${folder} (${code ?? String(error)}).`,
      { cause: error },
    );
  }
  const { bavail, bsize } = await statfs(folder);
  const free = bavail * bsize;
  if (free >= LITTLE_SPACE_BYTES) return ok(path);
  return warn(`${path}: ${Math.floor(free / 1_048_576)} MiB are free`, 'Free some space on the disk of the store.');
}

async function tryS3Store(store: S3StoreConfig): Promise<ProbeResult> {
  await checkS3Store(store);
  return ok(`s3://${store.bucket}/${store.prefix}${store.endpoint === undefined ? '' : ` at ${store.endpoint}`}`);
}

const storeProbe = (setting: ProbeSetting): Probe => ({
  name: 'store',
  run: async () => {
    const store = (await workerOrNull(setting))?.config.store;
    return store?.kind === 's3' ? tryS3Store(store) : tryStore(store?.path ?? setting.files.artifacts);
  },
});

const ignoredProbe = ({ files, env }: ProbeSetting): Probe => ({
  name: 'state folder',
  run: async () => {
    const { repository, state, home } = files;
    if (repository === null || !`${state}/`.startsWith(`${repository}/`))
      return ok(`${state}, outside of any repository`);
    if (await isGitIgnored({ folder: repository, env }, join(state, 'server.json')))
      return ok(`${state}, ignored by git`);
    return warn(
      `${state} is not ignored by git`,
      `Add the line "state/" to ${join(home, '.gitignore')}; \`promptos init\` does it.`,
    );
  },
});

export const machineProbes = (setting: ProbeSetting, temporal: TemporalProbes): readonly Probe[] => [
  nodeProbe(),
  gitProbe(setting),
  binaryProbe(setting, temporal),
  serverProbe(setting, temporal),
  workersProbe(setting, temporal),
  storeProbe(setting),
  ignoredProbe(setting),
];
