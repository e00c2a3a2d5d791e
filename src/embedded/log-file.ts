import { type FileHandle, open, readFile, rename, stat } from 'node:fs/promises';

const ROTATE_AT_BYTES = 10_000_000;
const MAX_LINE = 400;

export interface OpenLog {
  readonly handle: FileHandle;
  /** What is read from here on was written by the process that is about to start. */
  readonly offset: number;
}

/** Opens a log to append to; one that has grown large is kept once more as `….1`. */
export async function openLog(path: string): Promise<OpenLog> {
  const before = await stat(path).catch(() => null);
  const rotate = before !== null && before.size > ROTATE_AT_BYTES;
  if (rotate) await rename(path, `${path}.1`);
  return { handle: await open(path, 'a', 0o600), offset: rotate ? 0 : (before?.size ?? 0) };
}

/** The last lines that were written after the offset, each cut to a readable length. */
export async function lastLines(path: string, offset: number, count: number): Promise<readonly string[]> {
  const bytes = await readFile(path).catch(() => Buffer.alloc(0));
  const lines = bytes.subarray(offset).toString('utf8').split('\n');
  return lines
    .filter((line) => line.trim() !== '')
    .slice(-count)
    .map((line) => (line.length > MAX_LINE ? `${line.slice(0, MAX_LINE)}…` : line));
}
