import { closeSync, constants, fstatSync, openSync, readFileSync, statSync, writeFile, writeFileSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { setImmediate as soon } from 'node:timers';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { promisify } from 'node:util';

/**
 * Small local file work is done with the synchronous calls of node:fs: a promise costs ten to twenty times as much processor
 * time as the call itself. Work over a list asks between two files whether its time is up, and then lets the event loop turn:
 * `if (timeIsUp()) await nextTurn();`
 */
export { nextTurn };

/** How long all synchronous file work of this process together may hold the event loop. */
const SLICE_MS = 8;
/** Larger files are read and written in the background. */
export const SMALL_BYTES = 1_024 * 1_024;
/** A folder that is itself larger has, or had, thousands of entries, and is listed in the background. */
export const HUGE_FOLDER_BYTES = 512 * 1_024;

let begun: number | null = null;

/** Whether this turn of the event loop has had its time of file work. */
export function timeIsUp(): boolean {
  const now = performance.now();
  if (begun === null) {
    begun = now;
    soon(() => {
      begun = null;
    });
  }
  return now - begun >= SLICE_MS;
}

const { O_RDONLY, O_NONBLOCK, O_WRONLY, O_CREAT, O_TRUNC } = constants;
/** As `w`, but a pipe in the file's place is an error: to wait for its reader would stop the whole process. */
const REPLACING = O_WRONLY | O_CREAT | O_TRUNC | O_NONBLOCK;

/**
 * The bytes of a small regular file, which another program may have put there: a pipe in its place is not waited for.
 * @returns null for a larger one
 * @throws Error as node:fs does, also for what is no regular file
 */
export async function readIfSmall(path: string): Promise<Buffer | null> {
  if (timeIsUp()) await nextTurn();
  const descriptor = openSync(path, O_RDONLY | O_NONBLOCK);
  try {
    const stat = fstatSync(descriptor);
    if (!stat.isFile()) throw new Error(`${path} is not a regular file`);
    return stat.size <= SMALL_BYTES ? readFileSync(descriptor) : null;
  } finally {
    closeSync(descriptor);
  }
}

/** The same for a file of any size. */
export const readPlainFile = async (path: string): Promise<Buffer> =>
  (await readIfSmall(path)) ?? (await readFile(path));

/** The same, or null when there is no file of that name. */
export async function readIfPresent(path: string): Promise<Buffer | null> {
  // To learn that a file is missing costs less than the error that opening it would make.
  return statSync(path, { throwIfNoEntry: false }) === undefined ? null : readPlainFile(path);
}

/** Writes a file with this content alone; not durably. @throws Error as node:fs does */
export async function writeLocalFile(
  path: string,
  content: string | Uint8Array,
  { mode, flag = REPLACING }: { readonly mode?: number; readonly flag?: string | number } = {},
): Promise<void> {
  if (timeIsUp()) await nextTurn();
  const descriptor = openSync(path, flag, mode);
  try {
    if (content.length > SMALL_BYTES) await writeLater(descriptor, content);
    else writeFileSync(descriptor, content);
  } finally {
    closeSync(descriptor);
  }
}

/** Writes to an open file in the background. */
export const writeLater = promisify(writeFile);
