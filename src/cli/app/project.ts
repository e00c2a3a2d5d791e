import { existsSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { openStore } from '../../adapters/open-store.js';
import { type Environment, readEnvironment } from '../../config/environment.js';
import { ensureStateFolder, findProjectFiles, type ProjectFiles } from '../../config/project-files.js';
import { requireUsableState } from '../../config/shared-state.js';
import { DIGEST_PREFIX, readWorkerConfig } from '../../config/worker-config-file.js';
import type { WorkerConfig } from '../../contracts/config/worker-config.js';
import { PromptOsError } from '../../contracts/errors.js';
import { engineTaskQueue } from '../../contracts/names.js';
import type { PrunableStore } from '../../ports/artifact-store.js';
import { useNativeCrypto } from '../../verify/native-crypto.js';
import type { WorkerSetting } from '../../worker.js';
import { type CommandContext, programOf } from './context.js';
import { shellWord } from './printable.js';

export interface Project {
  readonly files: ProjectFiles;
  readonly environment: Environment;
  /** `.promptos/worker.yaml` or what `--worker-config` names; null when there is none. */
  readonly workerConfigPath: string | null;
}

/**
 * The project around the folder that a command was started in, or around `--repo`.
 * @param from the folder to look upward from; the command's own when absent
 */
export async function findProject(context: CommandContext, from?: string, workerConfig?: string): Promise<Project> {
  const environment = readEnvironment(context.env);
  const files = await findProjectFiles(from ?? context.cwd, environment.promptos.PROMPTOS_HOME);
  const named = workerConfig === undefined ? files.workerConfig : resolve(context.cwd, workerConfig);
  return {
    files,
    environment,
    workerConfigPath: workerConfig !== undefined || existsSync(named) ? named : null,
  };
}

/** Where a project keeps the keys of its own workers, and the demonstration everybody's. Never committed. */
export const projectKeys = ({ files }: Project): string => join(files.home, 'keys');

/** The policies of a project: its own, and those that its worker config trusts by path. */
export const projectPolicies = async (project: Project): Promise<readonly string[]> => [
  project.files.policy,
  ...(await readProjectConfig(project)).trust.policies.filter((entry) => !entry.startsWith(DIGEST_PREFIX)),
];

/** A project's worker config, or one that grants nothing where there is no file: enough to look at runs. */
const EMPTY_CONFIG: WorkerConfig = {
  schema_version: 1,
  roles: ['engine', 'writer', 'verifier', 'reviewer'],
  repositories: {},
  trust: { policies: [] },
  executors: {},
  checks: { allow: [], env: { allow: [], set: {} }, network: 'none' },
  setup: { allow: [], env: { allow: [], set: {} }, network: 'none' },
  sandbox: 'none',
  signers: {},
};

/** The project's worker setting. Its state folder is created when it is missing. */
export const readSetting = async (project: Project): Promise<WorkerSetting> => ({
  ...(await settingWithoutState(project)),
  stateDir: await ensureStateFolder(project.files),
});

/** The setting of a project that must have a worker config, and its path. @throws PromptOsError WORKER_CONFIG_NOT_FOUND */
export async function requireSetting(project: Project): Promise<{ setting: WorkerSetting; path: string }> {
  const { workerConfigPath: path, files } = project;
  if (path !== null) return { setting: await readSetting(project), path };
  throw new PromptOsError('WORKER_CONFIG_NOT_FOUND', `There is no ${files.workerConfig}.`);
}

/** Where a project's store is on this machine, which need not exist yet; null for one that is elsewhere. */
export async function storeFolder(project: Project): Promise<string | null> {
  const { store } = (await settingWithoutState(project)).config;
  return store?.kind === 's3' ? null : (store?.path ?? project.files.artifacts);
}

/** The store and the queue that a project's runs use. Nothing is made, so that looking leaves no trace. */
export async function openProjectStore(project: Project): Promise<{ store: PrunableStore; taskQueue: string }> {
  await requireUsableState(project.files.state);
  useNativeCrypto();
  const setting = await settingWithoutState(project);
  return { store: openStore(setting), taskQueue: engineTaskQueue(setting.config) };
}

/** @throws PromptOsError WORKER_CONFIG_INVALID */
export const readProjectConfig = async ({ workerConfigPath: path }: Project): Promise<WorkerConfig> =>
  path === null ? EMPTY_CONFIG : readWorkerConfig(path);

async function settingWithoutState(project: Project): Promise<WorkerSetting> {
  const { workerConfigPath: path, files, environment } = project;
  return {
    config: await readProjectConfig(project),
    configDir: dirname(path ?? files.workerConfig),
    stateDir: files.state,
    env: environment.variables,
  };
}

/** How a command must begin to reach a run's project from here: another repository than the one around is named. */
export async function programFor(context: CommandContext, { files }: Project): Promise<string> {
  const here = await findProject(context);
  if (here.files.home === files.home || files.repository === null) return programOf(context);
  return `${programOf(context)} -C ${shellWord(files.repository)}`;
}
