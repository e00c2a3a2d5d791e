import { spawn } from 'node:child_process';
import { rmSync } from 'node:fs';
import { writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { PromptOsError } from '../../contracts/errors.js';
import { isLong } from '../../contracts/long-bytes.js';
import type { KillOrder, LauncherOrder, LauncherReport, StartOrder } from './launcher-program.js';
import { makeMarkedFolder, removeFolder, removeLeftovers } from './leftovers.js';
import { refusedStart } from './not-started.js';
import { ensureOwnFolder } from './own-folder.js';
import {
  type Program,
  type ProgramEnd,
  ProgramNotStarted,
  type ProgramStarter,
  type RunningProgram,
} from './program-starter.js';
import { createOutputs, drain, type ProgramOutputs } from './program-streams.js';
import { writeLocalFile } from './time-slices.js';

const LAUNCHER = fileURLToPath(new URL('./launcher-program.js', import.meta.url));
/** A small heap and no compiler: the smaller the process, the faster it forks. */
const NODE_FLAGS = ['--jitless', '--max-old-space-size=64', '--max-semi-space-size=1'];
const FOLDER_PREFIX = 'promptos-launcher';
const UNGUARDED = { guard: false, guardInput: null } as const;
/** A launcher that a signal has stopped answers no ping: it is killed after so many. */
const PING_MS = 5_000;
const MAX_UNANSWERED = 4;
/** How long the end of all programs may take before the launcher is killed. */
const CLOSE_MS = 10_000;

/** Starts the programs of one worker. Its process is started with the first program, and again when it has died. */
export interface Launcher extends ProgramStarter {
  /** Ends all programs, and the process. */
  close(): Promise<void>;
}

interface Deferred<T> {
  readonly promise: Promise<T>;
  readonly resolve: (value: T) => void;
  readonly reject: (error: Error) => void;
}

/** A program that a launcher process is in charge of. */
interface Watched {
  readonly mark: string | null;
  /** Null until the program has started. */
  session: number | null;
  readonly started: Deferred<number>;
  readonly ended: Deferred<ProgramEnd>;
}

interface LauncherProcess {
  start(program: Program): Promise<RunningProgram>;
  /** Kills what is left of a program whose launcher has died. */
  kill(left: Watched): Promise<unknown>;
  /** Ends all programs, and the process. @returns the programs that it left, since it had to be killed itself */
  close(): Promise<readonly Watched[]>;
}

/** @param path the PATH on which `mkfifo` is looked for */
export function createLauncher(path: string | undefined): Launcher {
  let current: Promise<LauncherProcess> | undefined;
  const get = (): Promise<LauncherProcess> => {
    current ??= startProcess(path ?? '', endLost).catch((error: unknown) => {
      current = undefined;
      throw error;
    });
    return current;
  };
  /** The programs of a launcher that died must not run on beside the next try of the same gate. */
  const endLost = async (left: readonly Watched[]): Promise<void> => {
    current = undefined;
    for (const { session } of left) if (session !== null) killGroup(session);
    const marked = left.filter(({ mark }) => mark !== null);
    if (marked.length === 0) return;
    const next = await get();
    await Promise.all(marked.map((one) => next.kill(one)));
  };
  const close = async (): Promise<void> => {
    const last = await current?.catch(() => undefined);
    current = undefined;
    const left = (await last?.close()) ?? [];
    if (left.length === 0) return;
    // What cannot be ended now is ended before the next worker's programs.
    await endLost(left).catch(() => undefined);
    await close();
  };
  return {
    start: async (program) => {
      try {
        return await (await get()).start(program);
      } catch (error) {
        throw refusedStart(error);
      }
    },
    close,
  };
}

/** @param died gets the programs that were lost, which are reported as lost when it has resolved */
async function startProcess(path: string, died: (left: readonly Watched[]) => Promise<void>): Promise<LauncherProcess> {
  await removeLeftovers(tmpdir(), FOLDER_PREFIX);
  const folder = makeMarkedFolder(tmpdir(), FOLDER_PREFIX);
  const child = spawn(process.execPath, [...NODE_FLAGS, LAUNCHER, folder], {
    cwd: folder,
    // No variable at all: those of the programs travel over the channel, out of `ps`.
    env: {},
    stdio: ['ignore', 'ignore', 'ignore', 'ipc'],
    detached: true,
  });
  await new Promise<void>((resolve, reject) => {
    child.once('spawn', resolve);
    child.on('error', ({ message }) => reject(lost(`The process that starts programs did not start: ${message}.`)));
  });
  const exited = new Promise((resolve) => child.once('exit', resolve));
  const watched = new Map<number, Watched>();
  // What a program printed may come after the report that it has ended.
  const relays = new Map<number, NonNullable<ProgramOutputs['relayed']>>();
  let nextId = 0;
  let unanswered = 0;
  let pings: NodeJS.Timeout | undefined;
  child.unref();
  child.channel?.unref();

  const send = (order: LauncherOrder): void => {
    if (child.connected) child.send(order, () => undefined);
  };
  const ping = (): void => {
    if (unanswered === MAX_UNANSWERED) child.kill('SIGKILL');
    unanswered += 1;
    send({ kind: 'ping' });
  };
  /** Only while a program runs does the launcher keep this process alive. */
  const watch = (order: StartOrder | KillOrder): Watched => {
    if (!child.connected) throw lost();
    if (watched.size === 0) {
      child.channel?.ref();
      pings = setInterval(ping, PING_MS);
    }
    // What a dead launcher left is killed once: the next launcher's death is not its concern any more.
    const mark = order.kind === 'start' ? order.mark : null;
    const one: Watched = { mark, session: null, started: deferred(), ended: deferred() };
    watched.set(order.id, one);
    send(order);
    return one;
  };
  const forget = (id: number): void => {
    watched.delete(id);
    if (watched.size > 0) return;
    child.channel?.unref();
    clearInterval(pings);
  };

  child.on('message', (message) => {
    unanswered = 0;
    const report = message as LauncherReport;
    if (report.kind === 'pong') return;
    if (report.kind === 'printed') {
      const output = relays.get(report.id)?.[report.output];
      if (report.base64 === null) output?.end();
      else output?.write(Buffer.from(report.base64, 'base64'));
      return;
    }
    const one = watched.get(report.id);
    if (one === undefined) return;
    if (report.kind === 'started') {
      one.session = report.pid;
      one.started.resolve(report.pid);
    } else {
      forget(report.id);
      if (report.kind === 'failed') one.started.reject(new ProgramNotStarted(report.code));
      else one.ended.resolve({ code: report.code, signal: report.signal });
    }
  });
  let closing = false;
  // The channel closes after the last message: what has not ended by now is lost.
  child.once('disconnect', async () => {
    clearInterval(pings);
    if (!closing) child.kill('SIGKILL');
    await Promise.allSettled(closing ? [exited] : [died([...watched.values()]), removeFolder(folder)]);
    for (const { started, ended } of watched.values()) for (const one of [started, ended]) one.reject(lost());
  });

  const takeOutputs = createOutputs(folder, async (argv) => {
    const program = { argv, env: { PATH: path }, cwd: folder, input: null, outputs: 'none', mark: null } as const;
    const { started, ended } = watch({ kind: 'start', id: nextId++, ...program, scratch: null, ...UNGUARDED });
    const end = await started.promise.then(() => ended.promise).catch(() => null);
    return end?.code === 0;
  });

  const start = async ({ argv, env, cwd, input, ...more }: Program): Promise<RunningProgram> => {
    const [mark, scratch] = [more.mark ?? null, more.scratch ?? null];
    const guardInput = more.guardInput === undefined ? null : Buffer.from(more.guardInput).toString('base64');
    const guard = more.guard === true ? { guard: true, guardInput } : UNGUARDED;
    const id = nextId++;
    const inputFile = input === undefined ? null : join(folder, `input-${id}`);
    if (inputFile !== null && input !== undefined) {
      ensureOwnFolder(folder);
      const options = { mode: 0o600, flag: 'wx' };
      if (typeof input !== 'string' && isLong(input)) await writeFile(inputFile, input.read(), options);
      else await writeLocalFile(inputFile, input, options);
    }
    const outputs = await takeOutputs().catch((error: unknown) => {
      if (inputFile !== null) rmSync(inputFile, { force: true });
      throw error;
    });
    try {
      const streams = { input: inputFile, outputs: outputs.order };
      if (outputs.relayed !== null) relays.set(id, outputs.relayed);
      const { started, ended } = watch({ kind: 'start', id, argv, env, cwd, mark, scratch, ...guard, ...streams });
      const pid = await started.promise;
      const [stdout, stderr] = outputs.read();
      return {
        pid,
        stdout,
        stderr,
        stop: () => send({ kind: 'stop', id, now: false }),
        kill: () => send({ kind: 'stop', id, now: true }),
        untilEnded: async () => {
          try {
            const end = await ended.promise;
            await drain([stdout, stderr], outputs.relayed === null ? 'piped' : 'relayed');
            return end;
          } finally {
            relays.delete(id);
            for (const output of [stdout, stderr]) output.destroy();
          }
        },
      };
    } catch (error) {
      relays.delete(id);
      outputs.discard();
      throw error;
    }
  };

  return {
    start,
    kill: ({ session, mark }) => watch({ kind: 'kill', id: nextId++, session, mark }).ended.promise,
    close: async () => {
      closing = true;
      if (child.connected) child.disconnect();
      let left: readonly Watched[] = [];
      const lastResort = setTimeout(() => {
        left = [...watched.values()];
        child.kill('SIGKILL');
      }, CLOSE_MS);
      await exited;
      clearTimeout(lastResort);
      return left;
    },
  };
}

const lost = (why = 'The process that starts programs ended before the program did.'): PromptOsError =>
  new PromptOsError('EXECUTOR_LOST', why);

function deferred<T>(): Deferred<T> {
  let settle: Omit<Deferred<T>, 'promise'> | undefined;
  const promise = new Promise<T>((resolve, reject) => {
    settle = { resolve, reject };
  });
  // The caller that awaits the promise gets the error; until then an unhandled rejection must not end the worker.
  promise.catch(() => undefined);
  return { promise, resolve: (value) => settle?.resolve(value), reject: (error) => settle?.reject(error) };
}

function killGroup(session: number): void {
  try {
    process.kill(-session, 'SIGKILL');
  } catch {
    // Nothing of it runs any more.
  }
}
