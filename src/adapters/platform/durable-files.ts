import { closeSync, fsync, openSync } from 'node:fs';
import { chmod, chown, link, realpath, rename, rm, stat, writeFile } from 'node:fs/promises';
import { dirname } from 'node:path';
import { promisify } from 'node:util';
import writeFileAtomic from 'write-file-atomic';
import { systemCode } from '../../contracts/errors.js';
import { markedPath, passing, removeLeftovers } from './leftovers.js';

export interface WholeFile {
  readonly path: string;
  readonly text: string;
  /** Permissions, whatever the umask; without it, those of the file that is replaced, else the usual ones. */
  readonly mode?: number;
}

const ASIDE = '.promptos-aside';

/** Where a file is written before it appears. It goes with the process. */
function asideOf(path: string): string {
  const aside = markedPath(dirname(path), ASIDE);
  passing.add(aside);
  return aside;
}

async function removeAside(aside: string): Promise<void> {
  await rm(aside, { force: true }).catch(() => undefined);
  passing.delete(aside);
}

/** Removes what killed processes were about to put into folders. */
export async function removeAsides(folders: Iterable<string>): Promise<void> {
  for (const folder of new Set(folders)) await removeLeftovers(folder, ASIDE);
}

async function writeAside(aside: string, text: string, mode?: number): Promise<void> {
  await writeFile(aside, text, { flag: 'wx', flush: true, mode: mode ?? 0o666 });
  if (mode !== undefined) await chmod(aside, mode & 0o7777);
}

/**
 * Writes a file in the place of an old one, if any: readers see the old one or the new one, also after a power cut. A link in
 * its place is followed.
 */
export async function replaceFile({ path, text, mode }: WholeFile): Promise<void> {
  const place = await realpath(path).catch(() => path);
  const old = await stat(place).catch(() => null);
  await removeAsides([dirname(place)]);
  const aside = asideOf(place);
  try {
    await writeAside(aside, text, mode ?? old?.mode);
    // The file of another user stays theirs where the system allows it, as for root.
    if (old !== null) await chown(aside, old.uid, old.gid).catch(() => undefined);
    await rename(aside, place);
    await syncFolder(dirname(place));
  } finally {
    await removeAside(aside);
  }
}

/** The same without giving another task, or a signal, the chance to come in between. */
export const replaceFileSync = ({ path, text, mode }: WholeFile): void =>
  writeFileAtomic.sync(path, text, mode === undefined ? {} : { mode });

/** The same for content that is streamed. A link in the file's place is replaced, not followed. */
export async function replaceWithStream(path: string, content: AsyncIterable<Uint8Array>): Promise<void> {
  const aside = asideOf(path);
  try {
    await writeFile(aside, content, { flag: 'wx', flush: true });
    await rename(aside, path);
  } finally {
    await removeAside(aside);
  }
}

interface PlaceOptions {
  /** Replaces files that exist, links included; without it none is ever replaced, also not by a race. */
  readonly replace: boolean;
  /** Runs when all files are written, before the first appears. */
  readonly beforePlacing?: () => Promise<void>;
}

/**
 * Writes files durably, each whole or not at all. All are written aside before the first appears, so a full disk leaves
 * none.
 * @throws Error with the code EEXIST, and the taken place as `dest`, when a file exists that is not to be replaced
 */
export async function placeFiles(files: readonly WholeFile[], { replace, beforePlacing }: PlaceOptions): Promise<void> {
  await removeAsides(files.map(({ path }) => dirname(path)));
  const staged = files.map((file) => ({ file, aside: asideOf(file.path) }));
  const placed: string[] = [];
  try {
    for (const { file, aside } of staged) await writeAside(aside, file.text, file.mode);
    await beforePlacing?.();
    // A rename replaces what is there; a link fails.
    for (const { file, aside } of staged) {
      await (replace ? rename : link)(aside, file.path);
      placed.push(file.path);
    }
    for (const folder of new Set(files.map(({ path }) => dirname(path)))) await syncFolder(folder);
  } catch (error) {
    // What was replaced is gone; new files go again, so that none is without its companions.
    if (!replace) await Promise.allSettled(placed.map((path) => rm(path, { force: true })));
    throw error;
  } finally {
    // The first failure matters more than a temporary file that cannot be removed.
    await Promise.all(staged.map(({ aside }) => removeAside(aside)));
  }
}

/** Syncs that have not begun yet, and those under way, by folder. */
const waiting = new Map<string, Promise<void>>();
const underWay = new Map<string, Promise<void>>();

/**
 * Forces a folder's entries to the medium, where the file system supports it. Callers that come while another sync of the
 * folder is under way share the next one: it begins after their own changes.
 */
export function syncFolder(path: string): Promise<void> {
  const shared = waiting.get(path);
  if (shared !== undefined) return shared;
  const before = underWay.get(path) ?? Promise.resolve();
  const sync: Promise<void> = before
    .catch(() => undefined)
    .then(() => {
      waiting.delete(path);
      underWay.set(path, sync);
      return syncNow(path);
    })
    .finally(() => {
      if (underWay.get(path) === sync) underWay.delete(path);
    });
  waiting.set(path, sync);
  return sync;
}

/** Forces what was written to an open file to the medium, in the background: that may take seconds. */
export const syncFile = promisify(fsync);

async function syncNow(path: string): Promise<void> {
  const descriptor = openSync(path, 'r');
  try {
    await syncFile(descriptor);
  } catch (error) {
    // Some network and FUSE file systems refuse to sync a folder; they order renames by themselves.
    if (!['EINVAL', 'ENOTSUP', 'EOPNOTSUPP', 'EBADF'].includes(systemCode(error) ?? '')) throw error;
  } finally {
    closeSync(descriptor);
  }
}
