import { type BigIntStats, chmodSync, type Dirent, lstatSync, readdirSync, rmSync } from 'node:fs';
import { readdir } from 'node:fs/promises';
import { HUGE_FOLDER_BYTES, nextTurn, timeIsUp } from '../../platform/time-slices.js';

/** A path with one character a byte (Latin-1), since a name need not be UTF-8. */
export type BytePath = string;

export const bytesOf = (path: BytePath): Buffer => Buffer.from(path, 'latin1');
export const bytePath = (path: string): BytePath => Buffer.from(path, 'utf8').toString('latin1');

/**
 * What a file system says of a file. A program may restore the content, the size and the time of change of content, but
 * not the time of change of the file itself (ctime) to the nanosecond, unless it may set the clock of the machine.
 */
export const identityOf = ({ dev, ino, mode, size, mtimeNs, ctimeNs }: BigIntStats): string =>
  `${dev} ${ino} ${mode} ${size} ${mtimeNs} ${ctimeNs}`;

/** Folders get entries from any build, so only their replacement counts. */
export const folderIdentity = ({ dev, ino, mode }: BigIntStats): string => `${dev} ${ino} ${mode}`;

export const look = (path: Buffer): BigIntStats | null => {
  try {
    return lstatSync(path, { bigint: true, throwIfNoEntry: false }) ?? null;
  } catch {
    return null;
  }
};

/** Files and folders as they were at one moment, by path from the top. */
export interface KnownTree {
  readonly files: ReadonlyMap<BytePath, string>;
  readonly folders: ReadonlyMap<BytePath, string>;
}

export interface Survey {
  /** Known files that were written, replaced, moved or removed since. */
  readonly changed: readonly BytePath[];
  /** Known folders that were replaced or removed since. */
  readonly replaced: readonly BytePath[];
  /** Whether there are files that are not known, ignored ones included. */
  readonly others: boolean;
  /** Whether there are folders that are not known. */
  readonly otherFolders: boolean;
  /** Those of the wanted paths that are among them. */
  readonly found: readonly BytePath[];
}

/**
 * Compares a folder with how it was. Pipes, sockets and devices are removed, because git would wait for ever for one that
 * is called `.gitignore`, and folders are made readable. Links are not followed, so a file behind a link is not found.
 * @param top its `.git` is left out, unless it is one itself
 * @param wanted paths of files that are not known, to be looked for
 */
export async function surveyTree(top: BytePath, known: KnownTree, wanted: readonly BytePath[] = []): Promise<Survey> {
  const changed = new Set(known.files.keys());
  const replaced = new Set(known.folders.keys());
  const found: BytePath[] = [];
  let others = false;
  let otherFolders = false;
  const pending: BytePath[] = [''];
  for (let folder = pending.pop(); folder !== undefined; folder = pending.pop()) {
    const place = bytesOf(folder === '' ? top : `${top}/${folder}`);
    const stat = look(place);
    // It vanished, so all that was known in it has changed.
    if (!stat?.isDirectory()) continue;
    const identity = known.folders.get(folder);
    if (identity === folderIdentity(stat)) replaced.delete(folder);
    otherFolders ||= identity === undefined;
    for (const entry of await readFolder(place, stat)) {
      if (timeIsUp()) await nextTurn();
      const path = folder === '' ? entry.name : `${folder}/${entry.name}`;
      if (isLeftOut(top, path)) continue;
      if (entry.isDirectory()) {
        pending.push(path);
      } else if (entry.isFile() || entry.isSymbolicLink()) {
        const identity = known.files.get(path);
        if (identity === undefined) {
          others = true;
          if (wanted.includes(path)) found.push(path);
          continue;
        }
        const now = look(bytesOf(`${top}/${path}`));
        if (now !== null && identityOf(now) === identity) changed.delete(path);
      } else {
        rmSync(bytesOf(`${top}/${path}`), { force: true });
      }
    }
  }
  return { changed: [...changed], replaced: [...replaced], others, otherFolders, found };
}

const isHuge = ({ size }: BigIntStats): boolean => size > HUGE_FOLDER_BYTES;

const isLeftOut = (top: BytePath, path: BytePath): boolean => path === '.git' && !top.endsWith('/.git');

async function readFolder(folder: Buffer, stat: BigIntStats | null): Promise<readonly Dirent[]> {
  const how = { withFileTypes: true, encoding: 'latin1' } as const;
  const read = () => (stat !== null && isHuge(stat) ? readdir(folder, how) : readdirSync(folder, how));
  try {
    return await read();
  } catch {
    chmodSync(folder, 0o700);
    return read();
  }
}

/** The files and folders of a folder as they are now, its `.git` left out. */
export async function knownTree(top: BytePath): Promise<KnownTree> {
  const files = new Map<BytePath, string>();
  const folders = new Map<BytePath, string>();
  const pending: BytePath[] = [''];
  for (let folder = pending.pop(); folder !== undefined; folder = pending.pop()) {
    const place = bytesOf(folder === '' ? top : `${top}/${folder}`);
    const stat = look(place);
    if (stat !== null) folders.set(folder, folderIdentity(stat));
    for (const entry of await readFolder(place, stat)) {
      if (timeIsUp()) await nextTurn();
      const path = folder === '' ? entry.name : `${folder}/${entry.name}`;
      if (isLeftOut(top, path)) continue;
      if (entry.isDirectory()) {
        pending.push(path);
        continue;
      }
      const file = look(bytesOf(`${top}/${path}`));
      if (file !== null) files.set(path, identityOf(file));
    }
  }
  return { files, folders };
}

/** Files and folders that are looked at one by one. Where there are more, a program of its own is quicker. */
const MOST_TRACED = 1_000;
/** The coarsest clock of a file system: what was written so recently may be written again and show the same times. */
const SETTLED_MS = 2_500;

export interface Traces {
  /** Null when nothing can be concluded: one was written just now, or something leads elsewhere. */
  readonly text: string | null;
  readonly tooMany: boolean;
}

/**
 * All that the file system says of folders and of everything in them: as long as it is the same, nothing was written, added
 * or removed there.
 * @param rules `skips`: whether the content of a folder is left out, and its own times count; `leadsElsewhere`: whether a
 * file makes what is elsewhere count; `leftOut`: a folder that does not count at all
 */
export async function tracesOf(
  tops: readonly BytePath[],
  rules: {
    readonly skips: (folder: BytePath) => boolean;
    readonly leadsElsewhere: (file: BytePath, stat: BigIntStats) => boolean;
    readonly leftOut: BytePath;
  },
): Promise<Traces> {
  const settled = BigInt(Date.now() - SETTLED_MS) * 1_000_000n;
  const traces: string[] = [];
  const pending = [...tops];
  for (let path = pending.pop(); path !== undefined; path = pending.pop()) {
    if (timeIsUp()) await nextTurn();
    if (traces.length === MOST_TRACED) return { text: null, tooMany: true };
    const stat = look(bytesOf(path));
    if (stat === null || stat.ctimeNs > settled) return { text: null, tooMany: false };
    traces.push(`${identityOf(stat)} ${path}`);
    if (stat.isDirectory()) {
      if (rules.skips(path)) continue;
      if (isHuge(stat)) return { text: null, tooMany: true };
      for (const name of readdirSync(bytesOf(path), { encoding: 'latin1' })) {
        const entry = `${path}/${name}`;
        if (entry !== rules.leftOut) pending.push(entry);
      }
    } else if (rules.leadsElsewhere(path, stat)) return { text: null, tooMany: false };
  }
  return { text: traces.sort().join('\n'), tooMany: false };
}
