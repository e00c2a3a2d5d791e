import { type ChildProcess, spawn } from 'node:child_process';
import { PromptOsError } from '../../contracts/errors.js';
import { collectHead, collectHeadAndTail } from './byte-collector.js';
import { guardArguments } from './guard-program.js';
import type { Scratch } from './scratch.js';

/** How long what is told to end may take before it is killed. */
const GRACE_MS = 2_000;
/** How long the guard itself may take beyond that before it is given up. */
const GUARD_SLACK_MS = 10_000;
/** How long to wait for the end of an output that something outside the session still holds open. */
const DRAIN_MS = 1_000;
const DRAIN_ROUNDS = 5;

/** A command to run whole and to end whole. */
export interface GuardedCommand {
  readonly argv: readonly string[];
  /** The whole environment: nothing of the worker's own is added. */
  readonly env: Readonly<Record<string, string>>;
  readonly cwd: string;
  readonly stdin: string | null;
  readonly timeout_ms: number;
  /** Over both outputs together; the command is stopped when it prints more. */
  readonly max_output_bytes: number;
  /** Of a longer standard error the head and the tail are kept. */
  readonly max_stderr_bytes: number;
  readonly scratch: Scratch;
  /** `NAME=value` of the environment, unlike that of any other command: it tells the command's processes from others. */
  readonly mark: string;
  readonly signal: AbortSignal;
}

/** What came of a command. `ended_by` says why it ended; the rest is what was seen until then. */
export type GuardedResult =
  | { readonly kind: 'not_started'; readonly code: string }
  | {
      readonly kind: 'ended';
      readonly ended_by: 'itself' | 'timeout' | 'output_cap';
      readonly exit_code: number | null;
      readonly signal: string | null;
      readonly duration_ms: number;
      readonly stdout: Uint8Array;
      readonly stderr: Uint8Array;
    };

type GuardReport =
  | { readonly kind: 'started'; readonly pid: number }
  | { readonly kind: 'failed'; readonly code: string }
  | { readonly kind: 'ended'; readonly code: number | null; readonly signal: string | null };

/**
 * Runs a command behind a guard process, and resolves when nothing of it runs any more.
 * @throws PromptOsError EXECUTOR_LOST when the guard ended without a word; the signal's reason when it is aborted
 */
export async function runGuarded(command: GuardedCommand): Promise<GuardedResult> {
  command.signal.throwIfAborted();
  const guard = spawn(process.execPath, guardArguments(), {
    cwd: command.scratch.root,
    // The guard gets no variable at all: the command's own travel over the channel, out of `ps`.
    env: {},
    stdio: ['pipe', 'pipe', 'pipe', 'ipc'],
    detached: true,
  });
  const stdout = collectHead(command.max_output_bytes);
  const stderr = collectHeadAndTail(command.max_stderr_bytes);
  const started = performance.now();
  let stoppedBy: 'timeout' | 'output_cap' | 'abort' | null = null;
  let session: number | null = null;
  let last: GuardReport | null = null;
  let lastResort: NodeJS.Timeout | undefined;
  let printed = 0;

  const stop = (why: NonNullable<typeof stoppedBy>): void => {
    if (stoppedBy !== null) return;
    stoppedBy = why;
    if (guard.connected) guard.send('stop', () => undefined);
    lastResort = setTimeout(() => killAll(guard, session), GRACE_MS + GUARD_SLACK_MS);
  };
  const keep = (collector: typeof stdout) => (chunk: Uint8Array) => {
    printed += chunk.length;
    collector.add(chunk);
    // What comes after the cap is still read, and dropped: a blocked writer could not end in good order.
    if (printed > command.max_output_bytes) stop('output_cap');
  };
  guard.stdout?.on('data', keep(stdout));
  guard.stderr?.on('data', keep(stderr));
  // A command need not read what it is given, and may close what it does not need.
  for (const stream of [guard.stdin, guard.stdout, guard.stderr]) stream?.on('error', () => undefined);
  guard.stdin?.end(command.stdin ?? '');
  guard.on('message', (message) => {
    last = message as GuardReport;
    if (last.kind === 'started') session = last.pid;
  });
  guard.once('disconnect', () => {
    if (!hasEnded(last)) killAll(guard, session);
  });
  const timer = setTimeout(() => stop('timeout'), Math.min(command.timeout_ms, 2 ** 31 - 1));
  const onAbort = () => stop('abort');
  command.signal.addEventListener('abort', onAbort, { once: true });
  try {
    const over = untilOver(guard, () => printed);
    const { argv, cwd, env, mark } = command;
    const job = { argv, cwd, env, mark, scratch: command.scratch.root, grace_ms: GRACE_MS };
    guard.send(JSON.stringify(job), () => undefined);
    await over;
  } finally {
    clearTimeout(timer);
    clearTimeout(lastResort);
    command.signal.removeEventListener('abort', onAbort);
  }
  return judge(last, stoppedBy, command.signal, {
    duration_ms: Math.round(performance.now() - started),
    stdout: stdout.bytes(),
    stderr: stderr.bytes(),
  });
}

const hasEnded = (report: GuardReport | null): boolean => report !== null && report.kind !== 'started';

function judge(
  report: GuardReport | null,
  stoppedBy: 'timeout' | 'output_cap' | 'abort' | null,
  signal: AbortSignal,
  seen: { readonly duration_ms: number; readonly stdout: Uint8Array; readonly stderr: Uint8Array },
): GuardedResult {
  if (stoppedBy === 'abort') throw signal.reason;
  if (report === null || report.kind === 'started') {
    throw new PromptOsError('EXECUTOR_LOST', 'The guard process ended before the command that it watched over.');
  }
  if (report.kind === 'failed') return { kind: 'not_started', code: report.code };
  return { kind: 'ended', ended_by: stoppedBy ?? 'itself', exit_code: report.code, signal: report.signal, ...seen };
}

/** Resolves when the guard has gone, its last message is here, and the outputs are read to their ends. */
function untilOver(guard: ChildProcess, printed: () => number): Promise<void> {
  return new Promise((resolve, reject) => {
    let rounds = 0;
    const settle = () => {
      guard.stdout?.destroy();
      guard.stderr?.destroy();
      guard.stdin?.destroy();
      resolve();
    };
    const drain = (before: number) =>
      setTimeout(
        // Once more round the event loop, so that what has arrived in the meantime counts.
        () => setImmediate(() => (printed() > before && ++rounds < DRAIN_ROUNDS ? drain(printed()) : settle())),
        DRAIN_MS,
      );
    let exited = false;
    let disconnected = false;
    const gone = () => {
      if (!exited || !disconnected) return;
      const ends = [guard.stdout, guard.stderr].map((stream) => stream?.closed ?? true);
      if (ends.every(Boolean)) return settle();
      const waiting = drain(printed());
      guard.once('close', () => {
        clearTimeout(waiting);
        settle();
      });
    };
    guard.once('disconnect', () => {
      disconnected = true;
      gone();
    });
    guard.once('exit', () => {
      exited = true;
      gone();
    });
    guard.once('error', (error) =>
      reject(new PromptOsError('EXECUTOR_LOST', `The guard process could not start: ${error.message}.`)),
    );
  });
}

function killAll(guard: ChildProcess, session: number | null): void {
  guard.kill('SIGKILL');
  if (session === null) return;
  try {
    process.kill(-session, 'SIGKILL');
  } catch {
    // Nothing of it runs any more.
  }
}
