// @ts-check
/**
 * The launcher: a small process beside a worker, whose program this file is; it is never imported. It starts the worker's
 * programs, each in a session of its own, and ends each of them whole: when the worker says so, when the program itself has
 * ended, and when the channel to the worker closes, as it does when the worker is killed.
 *
 * Plain JavaScript, so that node runs it from the sources as well as from the build.
 */
import { spawn } from 'node:child_process';
import { closeSync, constants, openSync, readdirSync } from 'node:fs';
import { HAS_PROC, isRunning, openShared, readOrNothing, remove, statOf, write } from './launcher-files.js';

/**
 * A program to start. Its input is a file, or nothing. Its outputs are named pipes that the worker reads, or travel over the
 * channel, or are dropped. The input and the pipes are removed as soon as they are open.
 * @typedef {{
 *   readonly kind: 'start',
 *   readonly id: number,
 *   readonly argv: readonly string[],
 *   readonly env: Readonly<Record<string, string>>,
 *   readonly cwd: string,
 *   readonly input: string | null,
 *   readonly outputs: readonly [string, string] | 'channel' | 'none',
 *   readonly mark: string | null,
 *   readonly scratch: string | null,
 *   readonly guard: boolean,
 *   readonly guardInput: string | null,
 * }} StartOrder
 */
/**
 * To end a program that was started; or to kill what remains of one whose launcher has died.
 * @typedef {{ readonly kind: 'stop', readonly id: number, readonly now: boolean }} StopOrder
 * @typedef {{ readonly kind: 'kill', readonly id: number, readonly session: number | null, readonly mark: string | null }} KillOrder
 * @typedef {StartOrder | StopOrder | KillOrder | { readonly kind: 'ping' }} LauncherOrder
 */
/**
 * What became of a program: `failed` means that it did not start, `ended` that nothing of it runs any more.
 * @typedef {{ readonly kind: 'started', readonly id: number, readonly pid: number }} StartedReport
 * @typedef {{ readonly kind: 'failed', readonly id: number, readonly code: string }} FailedReport
 * @typedef {{ readonly kind: 'ended', readonly id: number, readonly code: number | null, readonly signal: string | null }} EndedReport
 * @typedef {{ readonly kind: 'printed', readonly id: number, readonly output: 0 | 1, readonly base64: string | null }} PrintedReport
 * @typedef {StartedReport | FailedReport | EndedReport | PrintedReport | { readonly kind: 'pong' }} LauncherReport
 */
/**
 * @typedef {{
 *   readonly id: number,
 *   readonly session: number | null,
 *   readonly mark: string | null,
 *   readonly scratch: string | null,
 *   readonly child: import('node:child_process').ChildProcess | null,
 *   readonly guard: boolean,
 *   readonly asked: Set<number>,
 *   signal: 'SIGTERM' | 'SIGKILL',
 *   deadline: number,
 *   first: number | null,
 * }} Running
 */

/** From SIGTERM to SIGKILL. */
const GRACE_MS = 2_000;
/** How long a killed process may take to go, such as one that waits for a disk. */
const KILL_WAIT_MS = 3_000;
const POLL_MS = 40;
/** The kernel kills at once what the guard of a sandbox leaves. */
const GUARD_POLL_MS = 2;
/** When memory runs out, what is in a sandbox is to go before the worker. */
const SANDBOX_OOM_SCORE = '500';
/** PF_KTHREAD of Linux. */
const KERNEL_THREAD = 0x200000;
const O_CLOEXEC = 0o2000000;
const { O_RDONLY, O_WRONLY, O_NONBLOCK, O_NOFOLLOW } = constants;
/** The launcher's own folder: inputs and pipes. */
const FOLDER = process.argv[2] ?? '';

/** @type {Map<number, Running>} */
const programs = new Map();
/** @type {Set<Running>} */
const ending = new Set();
let closing = false;

process.title = 'promptos launcher';

/** @param {LauncherReport} message */
const report = (message, done = () => {}) => {
  if (process.connected) process.send?.(message, undefined, undefined, done);
  else done();
};

/** @param {number} pid negative for a whole group @param {NodeJS.Signals | 0} signal */
const send = (pid, signal) => {
  try {
    return process.kill(pid, signal);
  } catch {
    return false;
  }
};

/**
 * Whose each process is, as of its last look: null for one that belongs to no program. Only processes that are new, or belong to a
 * program that is ending, are looked at again.
 * @type {Map<string, Running | null>}
 */
let owners = new Map();

/**
 * The processes of the programs that are ending, found in one pass over /proc: by session and group, and by the mark in the
 * environment, because programs that regroup their children or start sessions leave the first two.
 * @returns {Map<Running, number[]>}
 */
const findProcesses = () => {
  /** @type {Map<number, Running>} */
  const bySession = new Map();
  /** @type {Map<string, Running>} */
  const byMark = new Map();
  for (const program of programs.values()) {
    if (program.session !== null) bySession.set(program.session, program);
    if (program.mark !== null) byMark.set(program.mark, program);
  }
  const seen = new Map();
  const found = new Map();
  for (const name of readdirSync('/proc')) {
    if (!/^\d/.test(name)) continue;
    const known = owners.get(name);
    if (known === null || (known !== undefined && programs.has(known.id) && !ending.has(known))) {
      seen.set(name, known);
      continue;
    }
    const [state, , group, session, , , flags] = statOf(name);
    if (!isRunning(state)) continue;
    const environ = readOrNothing(`/proc/${name}/environ`);
    const mark = environ.split('\0').find((variable) => byMark.has(variable));
    const owner = bySession.get(Number(group)) ?? bySession.get(Number(session)) ?? byMark.get(mark ?? '');
    if (owner !== undefined) found.set(owner, [...(found.get(owner) ?? []), Number(name)]);
    // Within exec a process has no environment yet; threads of the kernel never have one.
    if (owner !== undefined || environ !== '' || (Number(flags) & KERNEL_THREAD) !== 0) seen.set(name, owner ?? null);
  }
  owners = seen;
  return found;
};

/** @param {Running} program */
const finish = (program) => {
  ending.delete(program);
  programs.delete(program.id);
  if (!process.connected && program.scratch !== null) remove(program.scratch);
  const { child } = program;
  report({ kind: 'ended', id: program.id, code: child?.exitCode ?? null, signal: child?.signalCode ?? null }, leave);
};

/** @param {Running} program @param {readonly number[]} left */
const signalAll = (program, left) => {
  const now = performance.now();
  if (now > program.deadline) {
    if (program.signal === 'SIGKILL') return finish(program);
    program.signal = 'SIGKILL';
    program.deadline = now + KILL_WAIT_MS;
  }
  if (program.signal === 'SIGKILL' && program.session !== null) send(-program.session, 'SIGKILL');
  for (const pid of left) {
    // Each is asked once to end: many programs take a second request as an order to drop everything.
    if (program.signal === 'SIGTERM' && program.asked.has(pid)) continue;
    // The guard of a sandbox ends with what it guards, and would take it along without any grace.
    if (program.signal === 'SIGTERM' && program.guard && pid === program.session) continue;
    program.asked.add(pid);
    send(pid, program.signal);
  }
};

let lookIsDue = false;
/** @type {NodeJS.Timeout | undefined} */
let nextLook;
const lookSoon = () => {
  if (!lookIsDue) setImmediate(look);
  lookIsDue = true;
};

/** One look at all programs that are ending. */
const look = () => {
  lookIsDue = false;
  clearTimeout(nextLook);
  /** @type {Map<Running, number[]> | undefined} */
  let found;
  let wait = POLL_MS;
  for (const program of [...ending]) {
    const group = program.session !== null && send(-program.session, 0) ? [-program.session] : [];
    const reaped = program.child === null || program.child.exitCode !== null || program.child.signalCode !== null;
    /** @type {readonly number[]} */
    let left = group;
    const orphan = reaped ? program.first : null;
    if (orphan !== null) {
      left = isRunning(statOf(orphan)[0]) ? [orphan] : [];
      wait = GUARD_POLL_MS;
    } else if (HAS_PROC && (group.length > 0 || program.mark !== null)) {
      found ??= findProcesses();
      left = found.get(program) ?? [];
    }
    if (left.length === 0 && reaped) finish(program);
    else signalAll(program, left);
  }
  if (ending.size > 0) nextLook = setTimeout(look, wait);
  // A number may be another process's by the next program's end.
  else owners = new Map();
};

/** @param {Running} program @param {'SIGTERM' | 'SIGKILL'} signal */
const end = (program, signal = 'SIGTERM') => {
  const atOnce = signal === 'SIGKILL' && program.signal !== signal;
  if (atOnce) program.signal = signal;
  if (atOnce || !ending.has(program)) program.deadline = performance.now() + (atOnce ? KILL_WAIT_MS : GRACE_MS);
  ending.add(program);
  lookSoon();
};

const openInput = (path = '') => {
  const input = openSync(path, O_RDONLY | O_NOFOLLOW);
  remove(path);
  return input;
};

/** Opens a named pipe for writing; never waits for a reader, since the worker may have been killed in the meantime. */
const openPipe = (path = '') => {
  const reader = openSync(path, O_RDONLY | O_NONBLOCK | O_NOFOLLOW);
  try {
    return openSync(path, O_WRONLY | O_NOFOLLOW);
  } finally {
    closeSync(reader);
    remove(path);
  }
};

/** Sends what a program prints over the channel, one piece at a time. @param {number} id @param {0 | 1} output @param {import('node:stream').Readable | null} stream */
const relay = (id, output, stream) => {
  stream?.on('data', (chunk) => {
    stream.pause();
    report({ kind: 'printed', id, output, base64: chunk.toString('base64') }, () => stream.resume());
  });
  stream?.once('close', () => report({ kind: 'printed', id, output, base64: null }));
};

/**
 * The guard of a sandbox writes which process is the first inside. The kernel ends that one last, so when it runs no more,
 * nothing in the sandbox does. @param {Running} program
 */
const noteFirst = (program, text = '') => {
  program.first ??= Number(/"child-pid": (\d+)/.exec(text)?.[1] ?? 0) || null;
};

/** @param {StartOrder} order */
const start = (order) => {
  /** @type {number[]} */
  const open = [];
  const { id, argv, env, cwd, input, outputs, mark, scratch, guard, guardInput } = order;
  try {
    open.push(input === null ? openSync('/dev/null', O_RDONLY) : openInput(input));
    if (typeof outputs !== 'string') open.push(...outputs.map(openPipe));
    const streams = [...open];
    const guardFile = guardInput === null ? [] : [openShared(`${FOLDER}/guard-input`, guardInput)];
    open.push(...guardFile);
    const rest = outputs === 'channel' ? ['pipe', 'pipe'] : outputs === 'none' ? ['ignore', 'ignore'] : [];
    const stdio = /** @type {import('node:child_process').StdioOptions} */ ([
      ...streams,
      ...rest,
      ...(guard ? ['pipe'] : []),
      ...guardFile,
    ]);
    const child = spawn(argv[0] ?? '', argv.slice(1), { cwd, env, stdio, detached: true });
    child.once('error', (error) => {
      if (child.pid === undefined) report({ kind: 'failed', id, code: codeOf(error) }, leave);
    });
    if (child.pid === undefined) return;
    if (guard) write(`/proc/${child.pid}/oom_score_adj`, SANDBOX_OOM_SCORE);
    const program = newProgram({ id, session: child.pid, mark, scratch, child, guard });
    if (guard) child.stdio[3]?.on('data', (text) => noteFirst(program, String(text)));
    if (outputs === 'channel') {
      relay(id, 0, child.stdout);
      relay(id, 1, child.stderr);
    }
    child.once('exit', () => end(program));
    report({ kind: 'started', id, pid: child.pid });
  } catch (error) {
    report({ kind: 'failed', id, code: codeOf(error) }, leave);
  } finally {
    for (const descriptor of open) closeSync(descriptor);
  }
};

/** @param {Pick<Running, 'id' | 'session' | 'mark' | 'scratch' | 'child' | 'guard'>} program @returns {Running} */
const newProgram = (program) => {
  /** @type {Running} */
  const running = { ...program, asked: new Set(), signal: 'SIGTERM', deadline: 0, first: null };
  programs.set(program.id, running);
  return running;
};

/** @param {unknown} error */
const codeOf = (error) => (error instanceof Error && 'code' in error ? String(error.code) : String(error));

/** Once it is closed, the launcher goes with its last program. */
const leave = () => {
  if (!closing || programs.size > 0) return;
  remove(FOLDER);
  process.exit(0);
};

const close = () => {
  closing = true;
  for (const program of programs.values()) end(program);
  leave();
};

/** Closes what the worker itself inherited and would pass on: all that is node's own is closed when a program is started. */
const closeInherited = () => {
  for (const name of HAS_PROC ? readdirSync('/proc/self/fdinfo') : []) {
    const [, flags] = /^flags:\s+([0-7]+)$/m.exec(readOrNothing(`/proc/self/fdinfo/${name}`)) ?? [];
    if (Number(name) > 2 && flags !== undefined && (Number.parseInt(flags, 8) & O_CLOEXEC) === 0)
      closeSync(Number(name));
  }
};

closeInherited();
process.on('message', (message) => {
  const order = /** @type {LauncherOrder} */ (message);
  switch (order.kind) {
    case 'ping':
      return report({ kind: 'pong' });
    case 'stop': {
      const program = programs.get(order.id);
      if (program !== undefined) end(program, order.now ? 'SIGKILL' : 'SIGTERM');
      return;
    }
    case 'kill': {
      return end(newProgram({ ...order, scratch: null, child: null, guard: false }), 'SIGKILL');
    }
    case 'start':
      // An order that came with the end of the channel, or after a signal to stop.
      if (closing) return report({ kind: 'failed', id: order.id, code: 'ECANCELED' });
      return start(order);
  }
});
process.once('disconnect', close);
for (const signal of ['SIGTERM', 'SIGINT', 'SIGHUP']) process.on(signal, close);
