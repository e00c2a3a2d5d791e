import { PromptOsError } from '../../contracts/errors.js';
import type { CommandOutput, CommandWatch } from '../../ports/gate-executor.js';
import { collectHead, collectHeadAndTail } from './byte-collector.js';
import { type GuardReport, startGuard } from './guard-process.js';
import type { Scratch } from './scratch.js';

/** How long what is told to end may take before it is killed. */
const GRACE_MS = 2_000;
/** How long the guard itself may take beyond that before it is given up. */
const GUARD_SLACK_MS = 10_000;
/** The longest time that a timer can be set for: some 24 days. */
const MAX_TIMER_MS = 2 ** 31 - 1;

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
  readonly watch?: CommandWatch | undefined;
}

type StopReason = 'timeout' | 'output_cap' | 'abort';

interface Seen {
  readonly duration_ms: number;
  readonly stdout: Uint8Array;
  readonly stderr: Uint8Array;
}

/** What came of a command. `ended_by` says why it ended; the rest is what was seen until then. */
export type GuardedResult =
  | { readonly kind: 'not_started'; readonly code: string }
  | ({
      readonly kind: 'ended';
      readonly ended_by: 'itself' | Exclude<StopReason, 'abort'>;
      readonly exit_code: number | null;
      readonly signal: string | null;
    } & Seen);

/**
 * Runs a command behind a guard process, and resolves when nothing of it runs any more.
 * @throws PromptOsError EXECUTOR_LOST when the guard ended without a word; the signal's reason when it is aborted
 */
export async function runGuarded(command: GuardedCommand): Promise<GuardedResult> {
  command.signal.throwIfAborted();
  const started = performance.now();
  const { argv, env, cwd, mark, scratch } = command;
  const job = { argv, env, cwd, mark, scratch: scratch.root, grace_ms: GRACE_MS };
  const guard = await startGuard(scratch.root, job, command.stdin);
  let stoppedBy: StopReason | null = null;
  let lastResort: NodeJS.Timeout | undefined;
  const stop = (why: StopReason): void => {
    if (stoppedBy !== null) return;
    stoppedBy = why;
    guard.stop();
    lastResort = setTimeout(guard.kill, GRACE_MS + GUARD_SLACK_MS);
  };

  const stdout = collectHead(command.max_output_bytes);
  const stderr = collectHeadAndTail(command.max_stderr_bytes);
  let printed = 0;
  const keep = (collector: typeof stdout, output: CommandOutput) => (chunk: Uint8Array) => {
    printed += chunk.length;
    collector.add(chunk);
    command.watch?.printed(output, chunk);
    // What comes after the cap is still read, and dropped: a blocked writer could not end in good order.
    if (printed > command.max_output_bytes) stop('output_cap');
  };
  guard.stdout.on('data', keep(stdout, 'stdout'));
  guard.stderr.on('data', keep(stderr, 'stderr'));

  command.watch?.started(command.timeout_ms);
  const timer = setTimeout(() => stop('timeout'), Math.min(command.timeout_ms, MAX_TIMER_MS));
  const onAbort = () => stop('abort');
  command.signal.addEventListener('abort', onAbort, { once: true });
  if (command.signal.aborted) onAbort();
  try {
    await guard.over();
  } finally {
    clearTimeout(timer);
    clearTimeout(lastResort);
    command.signal.removeEventListener('abort', onAbort);
  }
  if (stoppedBy === 'abort') throw command.signal.reason;
  const duration_ms = Math.round(performance.now() - started);
  return resultOf(guard.report(), stoppedBy, { duration_ms, stdout: stdout.bytes(), stderr: stderr.bytes() });
}

function resultOf(
  report: GuardReport | null,
  stoppedBy: Exclude<StopReason, 'abort'> | null,
  seen: Seen,
): GuardedResult {
  if (report === null || report.kind === 'started') {
    throw new PromptOsError('EXECUTOR_LOST', 'The guard process ended before the command that it watched over.');
  }
  if (report.kind === 'failed') return { kind: 'not_started', code: report.code };
  return { kind: 'ended', ended_by: stoppedBy ?? 'itself', exit_code: report.code, signal: report.signal, ...seen };
}
