import { existsSync } from 'node:fs';
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';

/** One kind of cache: which lock files it belongs to, and how programs are pointed at it. */
export interface CacheKind {
  readonly name: string;
  /** Names of the files that say what is downloaded. */
  readonly lockFile: RegExp;
  /** @param folder the cache's absolute folder */
  variables(folder: string): Readonly<Record<string, string>>;
  /** Whether an entry at a path below the folder is not kept, with all in it: it belongs to one checkout. */
  drops?(folder: string, path: string): boolean;
  /** Makes a check's own copy of the folder ready. What a test came to before must never count again. */
  prepare?(folder: string): Promise<void>;
}

/**
 * As `go clean -testcache` does it. Go does not notice that a test ran another program than before, so that what a test came
 * to on the base commit would count for a patch that breaks it.
 */
async function forgetTestResults(folder: string): Promise<void> {
  await mkdir(join(folder, 'build'), { recursive: true });
  await writeFile(join(folder, 'build', 'testexpire.txt'), `${Date.now()}000000\n`);
}

export const CACHE_KINDS: readonly CacheKind[] = [
  {
    name: 'npm',
    lockFile: /^(package-lock|npm-shrinkwrap)\.json$/,
    variables: (folder) => ({ npm_config_cache: folder }),
  },
  {
    name: 'yarn',
    lockFile: /^yarn\.lock$/,
    variables: (folder) => ({
      YARN_CACHE_FOLDER: join(folder, 'cache'),
      YARN_GLOBAL_FOLDER: join(folder, 'global'),
    }),
  },
  {
    name: 'pnpm',
    lockFile: /^pnpm-lock\.yaml$/,
    // pnpm reads the first up to version 10, and the second from version 11 on.
    variables: (folder) => ({ npm_config_store_dir: folder, pnpm_config_store_dir: folder }),
  },
  {
    name: 'pip',
    lockFile: /^(requirements.*\.txt|pylock(\..+)?\.toml|poetry\.lock|Pipfile\.lock)$/,
    variables: (folder) => ({ PIP_CACHE_DIR: join(folder, 'pip'), POETRY_CACHE_DIR: join(folder, 'poetry') }),
    drops: (_, path) => path === join('poetry', 'virtualenvs'),
  },
  {
    name: 'uv',
    lockFile: /^(uv\.lock|requirements.*\.txt|pylock(\..+)?\.toml)$/,
    variables: (folder) => ({ UV_CACHE_DIR: folder }),
  },
  {
    name: 'go',
    // A module without dependencies has no go.sum; what it compiles of the standard library is worth keeping.
    lockFile: /^go\.(sum|mod|work\.sum)$/,
    variables: (folder) => ({ GOMODCACHE: join(folder, 'mod'), GOCACHE: join(folder, 'build') }),
    prepare: forgetTestResults,
  },
  {
    name: 'cargo',
    lockFile: /^Cargo\.lock$/,
    variables: (folder) => ({ CARGO_HOME: folder }),
  },
  {
    name: 'maven',
    lockFile: /^pom\.xml$/,
    // Maven reads the first from version 3.9 on, and the second always.
    variables: (folder) => ({
      MAVEN_ARGS: `-Dmaven.repo.local=${folder}`,
      MAVEN_OPTS: `-Dmaven.repo.local=${folder}`,
    }),
    // What the project itself installed: a patch would be tested together with modules of the base commit.
    drops: (folder, path) => existsSync(join(folder, path, 'maven-metadata-local.xml')),
  },
];
