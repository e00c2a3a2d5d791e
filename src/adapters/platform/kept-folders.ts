import { constants, existsSync, rmSync } from 'node:fs';
import { cp, lstat, mkdir, readdir, readFile, rename, stat, utimes, writeFile } from 'node:fs/promises';
import { join, relative } from 'node:path';
import { systemCode } from '../../contracts/errors.js';
import { makeMarkedFolder, removeFolder, removeLeftovers } from './leftovers.js';
import { makeFolders } from './make-folders.js';
import { ensureOwnFolder } from './own-folder.js';

export interface KeptLimits {
  /** Of one folder; a larger one is not kept. */
  readonly folderBytes: number;
  readonly folderFiles: number;
  /** Over all folders: those that were not used for the longest time go first. */
  readonly totalBytes: number;
  /** Milliseconds after which a folder that is not used goes. */
  readonly unusedMs: number;
}

export const KEPT_LIMITS: KeptLimits = {
  folderBytes: 2 * 1_024 ** 3,
  folderFiles: 200_000,
  totalBytes: 10 * 1_024 ** 3,
  unusedMs: 30 * 24 * 3_600_000,
};

/** How folders that are being written or removed begin. */
const WORK_PREFIX = 'work';
/** How the marks begin that say of a folder that a living process uses it where it is. */
const PIN_PREFIX = 'pin';
const FILES = 'files';
const SIZE = 'size';
/** What a rename to a folder with files is refused with. */
const TAKEN = ['ENOTEMPTY', 'EEXIST'];

interface Size {
  readonly bytes: number;
  readonly files: number;
}

/** Whether an entry at a path below a folder is left out. */
export type Drops = (folder: string, path: string) => boolean;

/**
 * Folders of files by key, under one root. A kept folder is never written to: it is copied out, and replaced as a whole by
 * a rename, so that processes that use it at the same time do not meet.
 */
export interface KeptFolders {
  /**
   * The kept folder of a key, which counts as used now, and how many files and folders it has with itself; null when there is
   * none. Another process may remove it at any time.
   */
  use(key: string): Promise<{ readonly folder: string; readonly files: number } | null>;
  /**
   * Keeps the folder of a key from being removed or replaced by any process, until the function that it gives is called or
   * this process ends; null when there is no folder.
   */
  pin(key: string): Promise<(() => void) | null>;
  /**
   * Removes the folder of a key, in which a program has written. What is pinned stays, under another name, for those who use it
   * already, until this process ends.
   */
  discard(key: string): Promise<void>;
  /** Copies the folder of a key to `target`, which is left empty when there is none. */
  copyOut(key: string, target: string): Promise<void>;
  /** Keeps a copy of `source` in place of what is kept, unless it is as large as that. @throws TooLarge */
  keep(key: string, source: string, drops?: Drops): Promise<void>;
}

/** There is more than the limits let be kept. */
export class TooLarge extends Error {}

/** Copies plain files, folders and links. @throws TooLarge */
async function copyTree(source: string, target: string, limits?: KeptLimits, drops?: Drops): Promise<Size> {
  let bytes = 0;
  let files = 0;
  await cp(source, target, {
    recursive: true,
    verbatimSymlinks: true,
    preserveTimestamps: true,
    // Shares blocks where the file system can.
    mode: constants.COPYFILE_FICLONE,
    filter: async (path) => {
      const entry = await lstat(path);
      if (drops?.(source, relative(source, path)) || !(entry.isFile() || entry.isDirectory() || entry.isSymbolicLink()))
        return false;
      files += 1;
      bytes += entry.isFile() ? entry.size : 0;
      if (limits !== undefined && (bytes > limits.folderBytes || files > limits.folderFiles)) {
        throw new TooLarge(`${source} is too large to be kept`);
      }
      return true;
    },
  });
  return { bytes, files };
}

const sizeOf = async (folder: string): Promise<Size | null> => {
  const text = await readFile(join(folder, SIZE), 'utf8').catch(() => '');
  const [bytes, files] = text.split(' ').map(Number);
  return bytes === undefined || files === undefined ? null : { bytes, files };
};

/** What a folder has now, counted as `copyTree` counts. */
async function measure(folder: string): Promise<Size> {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true });
  let bytes = 0;
  for (const entry of entries) if (entry.isFile()) bytes += (await lstat(join(entry.parentPath, entry.name))).size;
  return { bytes, files: entries.length + 1 };
}

const isSame = (one: Size | null, other: Size): boolean => one?.bytes === other.bytes && one.files === other.files;

/** @param root absolute; made when it is first used */
export function createKeptFolders(root: string, limits: KeptLimits = KEPT_LIMITS): KeptFolders {
  const removeDeadPins = (): Promise<void> => removeLeftovers(root, `${PIN_PREFIX}-[^/]+`);
  let opened: Promise<void> | undefined;
  const open = (): Promise<void> => {
    opened ??= Promise.resolve()
      .then(() => ensureOwnFolder(root))
      .then(() => removeLeftovers(root, WORK_PREFIX))
      .then(removeDeadPins)
      .catch((error: unknown) => {
        opened = undefined;
        throw error;
      });
    return opened;
  };

  const isPinned = async (key: string): Promise<boolean> => {
    // Another worker may have been killed since this process began.
    await removeDeadPins();
    return (await readdir(root)).some((name) => name.startsWith(`${PIN_PREFIX}-${key}-`));
  };

  /**
   * Renames a folder, so that it is gone at once for every reader, then removes it.
   * @returns false for one that a process has pinned, which stays
   */
  const remove = async (key: string): Promise<boolean> => {
    if (!existsSync(join(root, key))) return true;
    if (await isPinned(key)) return false;
    const work = makeMarkedFolder(root, WORK_PREFIX);
    const aside = join(work, 'old');
    try {
      await rename(join(root, key), aside);
      if (!(await isPinned(key))) return true;
      // Pinned at this moment: it goes back, unless a successor is there already.
      await rename(aside, join(root, key));
      return false;
    } catch {
      // Another process was quicker.
      return true;
    } finally {
      await removeFolder(work);
    }
  };

  const prune = async (): Promise<void> => {
    const isKept = (name: string) => ![WORK_PREFIX, PIN_PREFIX].some((prefix) => name.startsWith(`${prefix}-`));
    const names = (await readdir(root)).filter(isKept);
    const kept = await Promise.all(
      names.map(async (key) => {
        // One that another process is replacing is missing for a moment: its successor is not to be removed.
        const found = await stat(join(root, key)).catch(() => null);
        return found && { key, used: found.mtimeMs, bytes: (await sizeOf(join(root, key)))?.bytes ?? 0 };
      }),
    );
    let total = 0;
    for (const { key, used, bytes } of kept.filter((one) => one !== null).sort((a, b) => b.used - a.used)) {
      total += bytes;
      if (total > limits.totalBytes || Date.now() - used > limits.unusedMs) await remove(key);
    }
  };

  return {
    use: async (key) => {
      await open();
      const now = new Date();
      try {
        await utimes(join(root, key), now, now);
        const size = await sizeOf(join(root, key));
        return size === null ? null : { folder: join(root, key, FILES), files: size.files };
      } catch {
        return null;
      }
    },
    pin: async (key) => {
      await open();
      const mark = makeMarkedFolder(root, `${PIN_PREFIX}-${key}`);
      const release = (): void => rmSync(mark, { recursive: true, force: true });
      if (existsSync(join(root, key, SIZE))) return release;
      release();
      return null;
    },
    discard: async (key) => {
      await open();
      const work = makeMarkedFolder(root, WORK_PREFIX);
      await rename(join(root, key), join(work, 'old')).catch(() => undefined);
      if (!(await isPinned(key))) await removeFolder(work);
    },
    copyOut: async (key, target) => {
      await makeFolders(target);
      try {
        await open();
        const now = new Date();
        await utimes(join(root, key), now, now);
        const copied = await copyTree(join(root, key, FILES), target);
        // A folder that another process removes meanwhile is listed in part, without an error.
        if (!isSame(await sizeOf(join(root, key)), copied)) throw new Error(`${key} was not copied whole`);
      } catch {
        // Nothing is kept, or it was replaced while it was copied. A part of a cache is worse than none.
        await removeFolder(target);
        await makeFolders(target);
      }
    },
    keep: async (key, source, drops) => {
      await open();
      const work = makeMarkedFolder(root, WORK_PREFIX);
      try {
        const fresh = join(work, 'new');
        await mkdir(fresh);
        const size = await copyTree(source, join(fresh, FILES), limits, drops);
        const known = await sizeOf(join(root, key));
        // A crash can leave a folder without its size, which cannot be used.
        if (isSame(known, size) && isSame(await measure(join(root, key, FILES)).catch(() => null), size)) return;
        await writeFile(join(fresh, SIZE), `${size.bytes} ${size.files}`);
        // One that is in use is whole, so it does.
        if (!(await remove(key))) return;
        await rename(fresh, join(root, key)).catch((error: unknown) => {
          // Another process kept one of this key at the same moment.
          if (!TAKEN.includes(systemCode(error) ?? '')) throw error;
        });
      } finally {
        await removeFolder(work);
      }
      await prune();
    },
  };
}
