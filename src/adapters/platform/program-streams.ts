import { closeSync, constants, openSync, readSync } from 'node:fs';
import { Socket } from 'node:net';
import { join } from 'node:path';
import { PassThrough, type Readable } from 'node:stream';
import { systemCode } from '../../contracts/errors.js';
import { ensureOwnFolder } from './own-folder.js';

const { O_RDONLY, O_WRONLY, O_NONBLOCK, O_NOFOLLOW } = constants;
/** Named pipes that are made at once. */
const BATCH = 32;

/** The outputs of one program. */
export interface ProgramOutputs {
  /** What the launcher is to do with them: write to these pipes, or send them over its channel. */
  readonly order: readonly [string, string] | 'channel';
  /** Where what comes over the channel goes. */
  readonly relayed: readonly [PassThrough, PassThrough] | null;
  /** What the program prints. To be called once it has started: a pipe without a writer is at its end. */
  read(): readonly [Readable, Readable];
  /** For a program that did not start. */
  discard(): void;
}

/**
 * Real pipes for outputs, made in batches. What node makes for a child are sockets, and a script that writes to `/dev/stderr`
 * by that name fails on those. Where there are no named pipes, outputs are relayed over the launcher's channel.
 * @param folder absolute; the caller removes it
 * @param run runs a command line; resolves to whether it succeeded
 * @returns takes the outputs of the next program
 */
export function createOutputs(
  folder: string,
  run: (argv: readonly string[]) => Promise<boolean>,
): () => Promise<ProgramOutputs> {
  const ready: string[] = [];
  let made = 0;
  let filling: Promise<boolean> | undefined;
  const fill = async (): Promise<boolean> => {
    ensureOwnFolder(folder);
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
  return async () => {
    const stdout = await take();
    let stderr: OutputPipe | null = null;
    try {
      stderr = await take();
      if (stdout !== null && stderr !== null) return piped(stdout, stderr);
    } finally {
      // Also when there are no more descriptors: the next try needs this one.
      if (stdout !== null && stderr === null) closeSync(stdout.descriptor);
    }
    const relayed = [new PassThrough(), new PassThrough()] as const;
    return { order: 'channel', relayed, read: () => relayed, discard: () => undefined };
  };
}

/** The reading end of a named pipe, and its path until the program has it open. */
interface OutputPipe {
  readonly path: string;
  readonly descriptor: number;
}

function readPipe({ descriptor }: OutputPipe): Readable {
  const reader = new Socket({ fd: descriptor, readable: true, writable: false });
  // An output that breaks is at its end; how the program ended says the rest.
  reader.on('error', () => undefined);
  return reader;
}

const piped = (stdout: OutputPipe, stderr: OutputPipe): ProgramOutputs => ({
  order: [stdout.path, stderr.path],
  relayed: null,
  read: () => [readPipe(stdout), readPipe(stderr)],
  discard: () => {
    for (const { descriptor } of [stdout, stderr]) closeSync(descriptor);
  },
});

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

/** How long to wait for the end of an output that something outside the session still holds open. */
const DRAIN_MS = 1_000;
/** As often while something still arrives: a pipe holds 64 KiB at the end of its program, the launcher's channel may hold more. */
const DRAIN_ROUNDS = { piped: 5, relayed: 60 };

/** Waits for the ends of outputs, but not for ever: a process that escaped may hold them open. */
export async function drain(outputs: readonly Readable[], how: keyof typeof DRAIN_ROUNDS): Promise<void> {
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
    wait(DRAIN_ROUNDS[how], 0);
  });
  await Promise.race([closed, silent]);
  clearTimeout(timer);
}
