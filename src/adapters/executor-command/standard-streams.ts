import { execFile } from 'node:child_process';
import { constants, openSync, rmSync } from 'node:fs';
import { rm, writeFile } from 'node:fs/promises';
import { Socket } from 'node:net';
import { join } from 'node:path';
import type { Readable } from 'node:stream';
import { promisify } from 'node:util';

/** One output of a command: the worker reads here what the command writes there. */
export interface OutputPipe {
  readonly reader: Readable;
  /** To be closed as soon as the command has it: an output ends only when nobody holds it. */
  readonly writingEnd: number;
}

const { O_RDONLY, O_WRONLY, O_NONBLOCK } = constants;

/**
 * What a command reads on its standard input: an open file without a name, which need not be read, and which programs
 * may also open as `/dev/stdin`.
 * @param folder an absolute folder; nothing is left in it.
 * @returns a descriptor, to be closed when the command has it.
 */
export async function openInput(folder: string, text: string): Promise<number> {
  const path = join(folder, 'stdin');
  await writeFile(path, text, { mode: 0o600, flag: 'wx' });
  const descriptor = openSync(path, O_RDONLY);
  await rm(path);
  return descriptor;
}

/** An input that has nothing in it. */
export const openEmptyInput = (): number => openSync('/dev/null', O_RDONLY);

/**
 * Real pipes for standard output and standard error. What node makes for a child are sockets, and a script that writes
 * to `/dev/stderr` by that name fails on those. Null where the system or the folder's file system has no named pipes.
 * @param folder an absolute folder; nothing is left in it.
 */
export async function openOutputPipes(folder: string): Promise<readonly [OutputPipe, OutputPipe] | null> {
  const [output, errors] = [join(folder, 'stdout'), join(folder, 'stderr')];
  try {
    await promisify(execFile)('mkfifo', ['-m', '600', output, errors]);
    return [openPipe(output), openPipe(errors)];
  } catch {
    return null;
  } finally {
    for (const path of [output, errors]) rmSync(path, { force: true });
  }
}

function openPipe(path: string): OutputPipe {
  // The reading end first and without waiting: either end alone would wait for the other.
  const reading = openSync(path, O_RDONLY | O_NONBLOCK);
  const writingEnd = openSync(path, O_WRONLY);
  return { reader: new Socket({ fd: reading, readable: true, writable: false }), writingEnd };
}
