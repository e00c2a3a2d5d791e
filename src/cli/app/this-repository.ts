import { createHash } from 'node:crypto';
import { realpath } from 'node:fs/promises';
import { isAbsolute } from 'node:path';
import { type AskedFolder, remoteUrl, repositoryName } from '../../adapters/git/facts.js';
import { createTrustRegistry } from '../../config/policy-file.js';
import type { WorkerConfig } from '../../contracts/config/worker-config.js';
import { engineTaskQueue } from '../../contracts/names.js';
import { slugName } from '../../contracts/sentences.js';
import type { ArtifactStore } from '../../ports/artifact-store.js';
import { type Project, readProjectConfig } from './project.js';

const WITH_SCHEME = /^[a-z][a-z0-9+.-]*:\/\/(?:[^/@]*@)?([^/:@]+)(?::\d+)?\/+(.+)$/i;
const SCP_LIKE = /^(?:[^/@:]+@)?([^/@:]{2,}):\/*(.+)$/;

/**
 * The host and the path of a repository's address. The forms of one repository for ssh and https give the same: a
 * developer often clones by the one, and a worker by the other. What has no host, such as a path, is given back as it is.
 */
export function remotePlace(url: string): string {
  const address = url
    .trim()
    .replace(/\/+$/, '')
    .replace(/\.git$/, '');
  const [, host, path] = WITH_SCHEME.exec(address) ?? SCP_LIKE.exec(address) ?? [];
  return host === undefined ? address : `${host.toLowerCase()}/${path}`;
}

interface RunOrigin {
  readonly target_repo: string;
  readonly policy_sha256: string;
  /** The engine's queue; null for a run that only the store knows. */
  readonly task_queue: string | null;
}

/** The repository that a command works for. On a shared server or store there are runs of others. */
export interface ThisRepository {
  /** For messages, such as `the repository shop`. */
  readonly what: string;
  readonly queue: string;
  hasName(name: string): boolean;
  /** Whether a run is one of this repository: by its name, its queue, and a policy that is known here. */
  owns(run: RunOrigin): Promise<boolean>;
}

/** The repository around a command; outside of any repository, whatever the project's queue and store hold. */
export async function thisRepository(project: Project, store: ArtifactStore): Promise<ThisRepository> {
  const config = await readProjectConfig(project);
  const top = project.files.repository;
  const names =
    top === null ? null : await namesOfRepository(config, { folder: top, env: project.environment.variables });
  const queue = engineTaskQueue(config);
  const ownsName = (name: string): boolean => names === null || names.includes(name);
  const knowsPolicy = async (sha256: string): Promise<boolean> =>
    (await store.hasObject(sha256)) || (await trustedHere(project, config)).has(sha256);
  return {
    what: names === null ? `the queue ${queue}` : `the repository ${names[0]}`,
    queue,
    hasName: ownsName,
    owns: async ({ target_repo, policy_sha256, task_queue }) =>
      ownsName(target_repo) && (task_queue === null || (task_queue === queue && (await knowsPolicy(policy_sha256)))),
  };
}

/** Policies that the project trusts, which may be read from files when the store holds none of their runs. */
async function trustedHere({ workerConfigPath }: Project, config: WorkerConfig): Promise<ReadonlySet<string>> {
  if (workerConfigPath === null) return new Set();
  // A policy file that is missing or broken says nothing of the run.
  return createTrustRegistry(config)
    .trustedPolicies()
    .catch(() => new Set());
}

/**
 * What runs may call the repository at `top`, the name that a new run uses first: those of the worker config, else one
 * made from its remote or folder.
 */
export async function namesOfRepository(
  { repositories }: Pick<WorkerConfig, 'repositories'>,
  top: AskedFolder,
): Promise<readonly [string, ...string[]]> {
  const place = await realPlace(top.folder);
  const remote = await placeOfRemote(top);
  const known: string[] = [];
  for (const [name, entry] of Object.entries(repositories)) {
    if (
      'url' in entry
        ? remotePlace(entry.url) === remote
        : await isCloneOf({ folder: entry.path, env: top.env }, place, remote)
    )
      known.push(name);
  }
  const [first, ...others] = known;
  if (first !== undefined) return [first, ...others];
  const wanted = slugName(await repositoryName(top)) ?? 'repository';
  const taken = repositories[wanted];
  // Mirrors have other URLs than the remote: a name of one may still be that of this repository.
  if (taken === undefined) return [wanted];
  const other = `${wanted}-${createHash('sha256').update(place).digest('hex').slice(0, 4)}`;
  return 'url' in taken ? [other, wanted] : [other];
}

/** Whether a repository is the one at a path, was cloned from it, or from where that one was cloned. */
const isCloneOf = async (at: AskedFolder, place: string, remote: string | null): Promise<boolean> => {
  const original = await realPlace(at.folder);
  return (
    original === place ||
    (remote !== null && (original === remote || (await placeOfRemote({ ...at, folder: original })) === remote))
  );
};

/** Where a repository was cloned from, in one form for every way to write it. */
async function placeOfRemote(top: AskedFolder): Promise<string | null> {
  const url = await remoteUrl(top);
  if (url === null) return null;
  const path = url.replace(/^file:\/\//, '').replace(/\/+\.git\/*$/, '');
  return isAbsolute(path) ? realPlace(path) : remotePlace(url);
}

const realPlace = (path: string): Promise<string> => realpath(path).catch(() => path);
