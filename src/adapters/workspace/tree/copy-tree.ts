import {
  type BigIntStats,
  closeSync,
  constants,
  fchmodSync,
  fstatSync,
  mkdirSync,
  openSync,
  readlinkSync,
  readSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { copyFile } from 'node:fs/promises';
import { setTimeout as sleep } from 'node:timers/promises';
import pMap from 'p-map';
import { nextTurn, timeIsUp, writeLocalFile } from '../../platform/time-slices.js';
import { type BytePath, bytesOf, folderIdentity, identityOf, type KnownTree, look, surveyTree } from './tree-survey.js';

const { COPYFILE_EXCL, COPYFILE_FICLONE, O_CREAT, O_EXCL, O_NOFOLLOW, O_NONBLOCK, O_RDONLY, O_WRONLY } = constants;
/** Larger files, and those of a tree of more files, are copied in the background, so many at once, */
const SMALL_BYTES = 128 * 1_024;
const FEW_FILES = 500;
const AT_ONCE = 8;
/** and share blocks where the file system can. No copy ever follows or replaces what is there. */
const COPY = COPYFILE_FICLONE | COPYFILE_EXCL;
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

/** A file was written, replaced or removed since it became known. */
class Written extends Error {}

/** The mode and the size of a known file. */
function factsOf(identity: string): { readonly mode: number; readonly size: number } {
  const [, , mode, size] = identity.split(' ');
  return { mode: Number(mode), size: Number(size) };
}

/**
 * Copies the known files of a folder, each with blocks of its own, and makes sure that none of them was written since it
 * became known. No hard links: what a program does to the copy changes nothing else.
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
    if (timeIsUp()) await nextTurn();
    const place = bytesOf(folder === '' ? to : `${to}/${folder}`);
    if (folder !== '') mkdirSync(place);
    const stat = look(place);
    if (stat !== null) folders.set(folder, folderIdentity(stat));
  }
  const note = (path: BytePath, stat: BigIntStats | null): void => {
    if (stat === null) return;
    files.set(path, identityOf(stat));
    if (stat.ctimeNs > newest) newest = stat.ctimeNs;
    onFile?.(path, stat);
  };
  const few = known.files.size <= FEW_FILES;
  const waiting: (readonly [BytePath, string])[] = [];
  const copyInBackground = async ([path, identity]: readonly [BytePath, string]): Promise<void> => {
    signal?.throwIfAborted();
    const [source, target] = [bytesOf(`${from}/${path}`), bytesOf(`${to}/${path}`)];
    await copyFile(source, target, COPY);
    requireSame(look(source), identity);
    note(path, look(target));
  };
  try {
    for (const [path, identity] of known.files) {
      if (timeIsUp()) await nextTurn();
      signal?.throwIfAborted();
      const { mode, size } = factsOf(identity);
      const [source, target] = [bytesOf(`${from}/${path}`), bytesOf(`${to}/${path}`)];
      if ((mode & constants.S_IFMT) === constants.S_IFLNK) {
        symlinkSync(readlinkSync(source, { encoding: 'buffer' }), target);
        requireSame(look(source), identity);
        note(path, look(target));
      } else if (few && size <= SMALL_BYTES) note(path, copySmall(source, identity, target));
      else waiting.push([path, identity]);
    }
    await pMap(waiting, copyInBackground, { concurrency: AT_ONCE });
    // Files of a folder that was replaced may be the known ones.
    for (const [folder, identity] of known.folders) {
      if (timeIsUp()) await nextTurn();
      const stat = look(bytesOf(folder === '' ? from : `${from}/${folder}`));
      if (stat === null || folderIdentity(stat) !== identity) throw new Written();
    }
  } catch (error) {
    if (error instanceof Written) return null;
    // A file of the template that vanished, for instance.
    if (signal?.aborted || !(await wasWritten(from, known))) throw error;
    return null;
  }
  return { files, folders, newest };
}

/** @returns what the file system says of the copy @throws Written */
function copySmall(source: Buffer, identity: string, target: Buffer): BigIntStats {
  const facts = factsOf(identity);
  const mode = facts.mode & 0o7777;
  // Not more of it, should it have become a large one.
  const content = Buffer.allocUnsafe(facts.size);
  const reading = openSync(source, O_RDONLY | O_NOFOLLOW | O_NONBLOCK);
  try {
    for (let done = 0, more = 1; more > 0 && done < content.length; done += more) {
      more = readSync(reading, content, done, content.length - done, null);
    }
    requireSame(fstatSync(reading, { bigint: true }), identity);
  } finally {
    closeSync(reading);
  }
  const writing = openSync(target, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW, mode);
  try {
    writeFileSync(writing, content);
    const stat = fstatSync(writing, { bigint: true });
    if ((Number(stat.mode) & 0o7777) === mode) return stat;
    fchmodSync(writing, mode);
    return fstatSync(writing, { bigint: true });
  } finally {
    closeSync(writing);
  }
}

function requireSame(stat: BigIntStats | null, identity: string): void {
  if (stat === null || identityOf(stat) !== identity) throw new Written();
}

async function wasWritten(top: BytePath, known: KnownTree): Promise<boolean> {
  const { changed, replaced } = await surveyTree(top, known);
  return changed.length + replaced.length > 0;
}

/**
 * Writes a file, and waits until the file system's clock is past a time, so that its change time and that of everything
 * which is written from now on is later.
 * @returns what the file system says of the file
 */
export async function writePast(path: string, content: Uint8Array, time: bigint): Promise<BigIntStats | null> {
  const deadline = performance.now() + CLOCK_MS;
  for (;;) {
    await writeLocalFile(path, content);
    const stat = look(Buffer.from(path));
    if (stat === null || stat.ctimeNs > time || performance.now() > deadline) return stat;
    await sleep(2);
  }
}
