import { createHash } from 'node:crypto';
import { join } from 'node:path';
import type { CheckCacheUse } from '../../ports/gate-executor.js';
import { createKeptFolders, type KeptLimits } from './kept-folders.js';
import { lockDigests } from './lock-digest.js';

/** The caches of one check: folders of its own. */
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
