import { type BigIntStats, constants, mkdirSync } from 'node:fs';
import { copyFile, readlink, rm, symlink, writeFile } from 'node:fs/promises';
import { setTimeout as sleep } from 'node:timers/promises';
import pMap from 'p-map';
import { type BytePath, bytesOf, folderIdentity, identityOf, type KnownTree, look, surveyTree } from './tree-survey.js';

/** Files that are copied at once. */
const AT_ONCE = 8;
/** Shares the blocks of the file where the file system can; never follows or replaces what is there. */
const COPY = constants.COPYFILE_FICLONE | constants.COPYFILE_EXCL;
/** The coarsest clock of a file system that is waited for. */
const CLOCK_MS = 2_500;

export interface CopyOptions {
  readonly signal?: AbortSignal | undefined;
  /** Called with every file of the copy and what the file system says of it. */
  readonly onFile?: (path: BytePath, stat: BigIntStats) => void;
}

/** Files and folders of a copy, and the newest change time among them. */
export interface CopiedTree extends KnownTree {
  readonly newest: bigint;
}

const isLink = (identity: string): boolean => (Number(identity.split(' ')[2]) & constants.S_IFMT) === constants.S_IFLNK;

/**
 * Copies the known files of a folder, each with blocks of its own, and then makes sure that none of them was written since
 * it became known. No hard links: what a program does to the copy changes nothing else.
 * @param to an empty folder
 * @returns null when the folder is not any more what was known of it
 */
export async function copyTree(
  from: BytePath,
  known: KnownTree,
  to: BytePath,
  { signal, onFile }: CopyOptions = {},
): Promise<CopiedTree | null> {
  const files = new Map<BytePath, string>();
  const folders = new Map<BytePath, string>();
  let newest = 0n;
  for (const folder of known.folders.keys()) {
    const place = bytesOf(folder === '' ? to : `${to}/${folder}`);
    if (folder !== '') mkdirSync(place);
    const stat = look(place);
    if (stat !== null) folders.set(folder, folderIdentity(stat));
  }
  const copyOne = async ([path, identity]: readonly [BytePath, string]): Promise<void> => {
    signal?.throwIfAborted();
    const [source, target] = [bytesOf(`${from}/${path}`), bytesOf(`${to}/${path}`)];
    if (isLink(identity)) await symlink(await readlink(source, { encoding: 'buffer' }), target);
    else await copyFile(source, target, COPY);
    const stat = look(target);
    if (stat === null) return;
    files.set(path, identityOf(stat));
    if (stat.ctimeNs > newest) newest = stat.ctimeNs;
    onFile?.(path, stat);
  };
  try {
    await pMap(known.files, copyOne, { concurrency: AT_ONCE });
  } catch (error) {
    // A file of the template that vanished, for instance.
    if (signal?.aborted || !(await wasWritten(from, known))) throw error;
    return null;
  }
  return (await wasWritten(from, known)) ? null : { files, folders, newest };
}

async function wasWritten(top: BytePath, known: KnownTree): Promise<boolean> {
  const { changed, replaced } = await surveyTree(top, known);
  return changed.length + replaced.length > 0;
}

/**
 * Waits until the file system's clock is past a time, so that a file which is written from now on has a later change time.
 * @param probe a path at which a file may be made, on the same file system
 */
export async function awaitLaterClock(probe: string, time: bigint): Promise<void> {
  const deadline = performance.now() + CLOCK_MS;
  try {
    for (;;) {
      await writeFile(probe, '');
      const now = look(Buffer.from(probe));
      if ((now !== null && now.ctimeNs > time) || performance.now() > deadline) return;
      await rm(probe);
      await sleep(2);
    }
  } finally {
    await rm(probe, { force: true });
  }
}
