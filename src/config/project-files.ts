import { existsSync, statSync } from 'node:fs';
import { chmod, writeFile } from 'node:fs/promises';
import { dirname, join, resolve } from 'node:path';
import { makeFolders } from '../adapters/platform/make-folders.js';
import { isDiskFull, messageOf, PromptOsError, systemCode } from '../contracts/errors.js';

/** The folder of a repository that holds everything of ours. */
const PROJECT_FOLDER = '.promptos';

/** Where a project's files are, whether or not they exist yet. All absolute. */
export interface ProjectFiles {
  /** The top folder of the git repository, or null outside of one. */
  readonly repository: string | null;
  /** The `.promptos` folder, or what PROMPTOS_HOME says. */
  readonly home: string;
  readonly policy: string;
  readonly workerConfig: string;
  /** Server, artifacts and cache; never committed. */
  readonly state: string;
  /** Where the artifact store is unless the worker config says otherwise. */
  readonly artifacts: string;
}

/** From a folder upward, itself first. */
function* upward(from: string): Generator<string> {
  let folder = resolve(from);
  for (;;) {
    yield folder;
    const parent = dirname(folder);
    if (parent === folder) return;
    folder = parent;
  }
}

/**
 * The top folder of the git repository around a folder, or null. A linked worktree and a submodule count: their `.git`
 * is a file.
 */
export async function findRepositoryTop(from: string): Promise<string | null> {
  for (const folder of upward(from)) if (existsSync(join(folder, '.git'))) return folder;
  return null;
}

/**
 * Finds the nearest `.promptos` folder from a folder upward, never above the top of the git repository; where there is
 * none, it is expected at the top. Outside a repository only the folder itself counts.
 * @param promptosHome the value of PROMPTOS_HOME, which overrides the search
 */
export async function findProjectFiles(from: string, promptosHome?: string): Promise<ProjectFiles> {
  const repository = await findRepositoryTop(from);
  const home =
    promptosHome === undefined ? await findHome(from, repository ?? resolve(from)) : resolve(from, promptosHome);
  return {
    repository,
    home,
    policy: join(home, 'policy.yaml'),
    workerConfig: join(home, 'worker.yaml'),
    state: join(home, 'state'),
    artifacts: join(home, 'state', 'artifacts'),
  };
}

async function findHome(from: string, top: string): Promise<string> {
  for (const folder of upward(from)) {
    if (statSync(join(folder, PROJECT_FOLDER), { throwIfNoEntry: false })?.isDirectory() === true)
      return join(folder, PROJECT_FOLDER);
    if (folder === top) break;
  }
  return join(top, PROJECT_FOLDER);
}

/**
 * Makes the state folder, readable by its owner only, and lets git ignore it whatever the repository's own rules say.
 * @returns its path
 * @throws PromptOsError STORE_NOT_WRITABLE, STORE_FULL
 */
export async function ensureStateFolder({ home, state }: Pick<ProjectFiles, 'home' | 'state'>): Promise<string> {
  try {
    await makeFolders(home);
    const made = await makeFolders(state, 0o700);
    // A strict or lax umask changes what mkdir asked for.
    if (made !== undefined) await chmod(state, 0o700);
    await writeFile(join(state, '.gitignore'), '*\n', { flag: 'wx' }).catch((error: unknown) => {
      if (systemCode(error) !== 'EEXIST') throw error;
    });
    return state;
  } catch (error) {
    throw new PromptOsError(
      isDiskFull(error) ? 'STORE_FULL' : 'STORE_NOT_WRITABLE',
      `The state folder ${state} cannot be made (${messageOf(error)}).`,
      { cause: error },
    );
  }
}
