import { createHash } from 'node:crypto';
import { existsSync } from 'node:fs';
import { mkdir, readdir, readFile, writeFile } from 'node:fs/promises';
import { join, relative } from 'node:path';
import type { CheckCacheUse } from '../../ports/gate-executor.js';
import { createKeptFolders, type KeptLimits } from '../platform/kept-folders.js';

export interface OpenedCaches {
  /** How the check's programs find them. */
  readonly env: Readonly<Record<string, string>>;
  /** Keeps what the check left in them, where its use says so. Never throws: a cache that is not kept costs time alone. */
  keep(): Promise<void>;
}

export interface CheckCaches {
  /**
   * Copies of what is kept for the lock files of a checkout, in a folder of the check.
   * @param folder absolute; removed by the caller
   */
  open(directory: string, folder: string, use: CheckCacheUse): Promise<OpenedCaches>;
}

/** A cache belongs to one repository, one policy, one kind of package manager, and the lock files' bytes. */
const keyOf = ({ repository, policy_sha256 }: CheckCacheUse, kind: string, digest: string): string => {
  const whole = createHash('sha256').update(`${repository}\n${policy_sha256}\n${digest}`).digest('hex');
  return `${repository}-${kind}-${whole.slice(0, 32)}`;
};

/**
 * Caches of downloads for checks. No check writes to what is kept: each has a copy, and only that of a check which ran
 * committed code alone takes the place of what is kept. So code that is merely proposed can poison its own copy only.
 */
export function createCheckCaches(root: string, limits?: KeptLimits): CheckCaches {
  const kept = createKeptFolders(root, limits);
  return {
    open: async (directory, folder, use) => {
      const caches = [...(await lockDigests(directory))].map(([kind, digest]) => ({
        kind,
        key: keyOf(use, kind.name, digest),
        place: join(folder, kind.name),
      }));
      for (const { kind, key, place } of caches) {
        await kept.copyOut(key, place);
        await kind.prepare?.(place);
      }
      return {
        env: Object.assign({}, ...caches.map(({ kind, place }) => kind.variables(place))),
        keep: async () => {
          if (!use.keep) return;
          for (const { kind, key, place } of caches) await kept.keep(key, place, kind.drops).catch(() => undefined);
        },
      };
    },
  };
}

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

/** Files of a checkout by their path, without git's own. Links are not followed. */
async function filesOf(directory: string): Promise<readonly string[]> {
  const files: string[] = [];
  const pending = [directory];
  for (let folder = pending.pop(); folder !== undefined; folder = pending.pop()) {
    for (const entry of await readdir(folder, { withFileTypes: true })) {
      if (entry.isDirectory() && entry.name !== '.git') pending.push(join(folder, entry.name));
      if (entry.isFile()) files.push(join(folder, entry.name));
    }
  }
  return files.sort();
}

/**
 * The kinds of cache that a checkout can use, each with the digest of its lock files: another dependency gives another
 * digest.
 */
async function lockDigests(directory: string): Promise<ReadonlyMap<CacheKind, string>> {
  const digests = new Map<CacheKind, string>();
  const files = await filesOf(directory);
  for (const kind of CACHE_KINDS) {
    const locks = files.filter((file) => kind.lockFile.test(file.slice(file.lastIndexOf('/') + 1)));
    if (locks.length === 0) continue;
    const hash = createHash('sha256');
    for (const file of locks) {
      const content = createHash('sha256')
        .update(await readFile(file))
        .digest('hex');
      hash.update(`${content}  ${relative(directory, file)}\n`);
    }
    digests.set(kind, hash.digest('hex'));
  }
  return digests;
}
