import { mkdtemp, rm, stat, statfs } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import process from 'node:process';
import coerce from 'semver/functions/coerce.js';
import gte from 'semver/functions/gte.js';
import { gitVersion, isGitIgnored, OLDEST_GIT } from '../../adapters/git/facts.js';
import { checkS3Store } from '../../adapters/store/s3/s3-store.js';
import { readTemporalConnection } from '../../config/environment.js';
import { PromptOsError, systemCode } from '../../contracts/errors.js';
import { engineTaskQueue } from '../../contracts/names.js';
import type { S3StoreConfig } from '../../contracts/worker-config.js';
import { type RunQueue, runQueues } from '../app/connect.js';
import { fail, ok, type Probe, type ProbeResult, warn, workerOrNull } from './probe.js';

const OLDEST_NODE = '20.19';
/** Less than this and a run of some size may not fit. */
const LITTLE_SPACE_BYTES = 200 * 1_024 * 1_024;

/** Whether a version such as `20.20.2`, or `2.39` as some builds of git print it, is at least `20.19`. */
const isAtLeast = (version: string, oldest: string): boolean =>
  gte(coerce(version) ?? '0.0.0', coerce(oldest) ?? '0.0.0');

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

/** @param version of Node */
export const judgeNode = (version: string): ProbeResult =>
  isAtLeast(version, OLDEST_NODE)
    ? ok(version)
    : fail(`expected ${OLDEST_NODE} or newer, received ${version}`, `Install Node ${OLDEST_NODE} or newer.`);

/** Node, git, Temporal, the store and the state folder. */
export const MACHINE_PROBES: Readonly<Record<string, Probe>> = {
  node: async () => judgeNode(process.versions.node),
  git: async ({ files, env }) => {
    const version = await gitVersion({ folder: files.repository ?? process.cwd(), env });
    if (!isAtLeast(version, OLDEST_GIT)) {
      return fail(`expected ${OLDEST_GIT} or newer, received ${version}`, `Install git ${OLDEST_GIT} or newer.`);
    }
    if (files.repository !== null) return ok(`${version}, repository ${files.repository}`);
    return warn(`${version}; this folder is in no git repository`, 'Run it inside the repository that runs are for.');
  },
  'temporal cli': async ({ env, temporal }) => {
    if (readTemporalConnection(env) !== null) return ok('not needed: no embedded server is used');
    const binary = await temporal.findBinary();
    if (binary !== null) return ok(`${binary.version}, ${binary.path}`);
    return warn(
      'none is there yet',
      '`promptos dev` or `promptos demo` fetches the pinned one; this needs the network.',
    );
  },
  'temporal server': async ({ env, files, temporal }) => {
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
  /** Whether each queue of the named server has a worker; `dev` starts a worker for the embedded server by itself. */
  workers: async (setting) => {
    const connection = readTemporalConnection(setting.env);
    if (connection === null) return ok('started by `promptos dev` with the embedded server');
    const queues = runQueues(engineTaskQueue((await workerOrNull(setting)) ?? {}));
    const counts = await Promise.all(queues.map((queue) => setting.temporal.pollers(connection, queue)));
    const named = (some: readonly RunQueue[]) => some.map(({ name, carries }) => `${name} (${carries})`).join(', ');
    const idle = queues.filter((_, index) => counts[index] === 0);
    if (idle.length === 0) return ok(`each of ${queues.map(({ name }) => name).join(', ')} has one`);
    return warn(
      `no worker polls ${named(idle)}`,
      'Start `promptos worker` where the key of that role is, or give `dev --worker`.',
    );
  },
  store: async (setting) => {
    const store = (await workerOrNull(setting))?.store;
    return store?.kind === 's3' ? tryS3Store(store) : tryStore(store?.path ?? setting.files.artifacts);
  },
  'state folder': async ({ files, env }) => {
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
};
