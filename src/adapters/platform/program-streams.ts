import { closeSync, constants, openSync, readSync } from 'node:fs';
import { Socket } from 'node:net';
import { join } from 'node:path';
import type { Readable } from 'node:stream';
import { systemCode } from '../../contracts/system-code.js';
import { ensureOwnFolder } from './own-folder.js';

const { O_RDONLY, O_WRONLY, O_NONBLOCK, O_NOFOLLOW } = constants;
/** Named pipes that are made at once. */
const BATCH = 32;

/** The reading end of a named pipe, and its path until the program has it open. */
export interface OutputPipe {
  readonly path: string;
  readonly descriptor: number;
}

/** Named pipes for outputs, made in batches. */
export interface PipePool {
  /** Null where the system has no named pipes. */
  takeTwo(): Promise<readonly [OutputPipe, OutputPipe] | null>;
}

/**
 * Real pipes for outputs. What node makes for a child are sockets, and a script that writes to `/dev/stderr` by that name
 * fails on those.
 * @param folder absolute; the caller removes it
 * @param run runs a command line; resolves to whether it succeeded
 */
export function createPipePool(folder: string, run: (argv: readonly string[]) => Promise<boolean>): PipePool {
  const ready: string[] = [];
  let made = 0;
  let filling: Promise<boolean> | undefined;
  const fill = async (): Promise<boolean> => {
    await ensureOwnFolder(folder);
    const paths = Array.from({ length: BATCH }, () => join(folder, `pipe-${made++}`));
    const filled = await run(['mkfifo', '-m', '600', ...paths]);
    if (filled) ready.push(...paths);
    return filled;
  };
  const take = async (): Promise<OutputPipe | null> => {
    for (;;) {
      const path = ready.pop();
      const descriptor = path === undefined ? null : openReadingEnd(path);
      if (path !== undefined && descriptor !== null) return { path, descriptor };
      if (path !== undefined) continue;
      filling ??= fill().finally(() => {
        filling = undefined;
      });
      if (!(await filling)) return null;
    }
  };
  return {
    takeTwo: async () => {
      const [one, other] = [await take(), await take()];
      if (one !== null && other !== null) return [one, other];
      for (const pipe of [one, other]) if (pipe !== null) closeSync(pipe.descriptor);
      return null;
    },
  };
}

/**
 * Null for a pipe that another process holds open: it could read or forge what the program prints. Opening a pipe for writing
 * fails where no process reads it, and reading it gives its end where no process writes to it.
 */
function openReadingEnd(path: string): number | null {
  try {
    closeSync(openSync(path, O_WRONLY | O_NONBLOCK | O_NOFOLLOW));
    return null;
  } catch (error) {
    if (systemCode(error) !== 'ENXIO') return null;
  }
  const descriptor = openSync(path, O_RDONLY | O_NONBLOCK | O_NOFOLLOW);
  try {
    if (readSync(descriptor, Buffer.alloc(1)) === 0) return descriptor;
  } catch {
    // EAGAIN: a process could still write.
  }
  closeSync(descriptor);
  return null;
}

/** What a program writes to a pipe. To be called once the program has started: a pipe without a writer is at its end. */
export const readPipe = ({ descriptor }: OutputPipe): Readable =>
  new Socket({ fd: descriptor, readable: true, writable: false });

/** How long to wait for the end of an output that something outside the session still holds open. */
const DRAIN_MS = 1_000;
const DRAIN_ROUNDS = 5;

/** Waits for the ends of outputs, but not for ever: a process that escaped may hold them open. */
export async function drain(outputs: readonly Readable[]): Promise<void> {
  let arrived = 0;
  for (const output of outputs) output.on('data', () => arrived++);
  const closed = Promise.all(
    outputs.map((output) => (output.closed ? undefined : new Promise((resolve) => output.once('close', resolve)))),
  );
  let timer: NodeJS.Timeout | undefined;
  const silent = new Promise<void>((resolve) => {
    const wait = (rounds: number, before: number) => {
      // Once more round the event loop at the end, so that what arrived in the meantime counts.
      const look = () => setImmediate(() => (arrived > before && rounds > 1 ? wait(rounds - 1, arrived) : resolve()));
      timer = setTimeout(look, DRAIN_MS);
    };
    wait(DRAIN_ROUNDS, 0);
  });
  await Promise.race([closed, silent]);
  clearTimeout(timer);
}
