import type { CommandOutput, CommandWatch } from '../../ports/gate-executor.js';
import { type Program, type ProgramEnd, ProgramNotStarted, type ProgramStarter } from './program-starter.js';

/** The longest time that a timer can be set for: some 24 days. */
const MAX_TIMER_MS = 2 ** 31 - 1;

/** A program to run to its end, within limits. */
export interface LimitedProgram extends Program {
  readonly timeout_ms: number;
  /** Over both outputs together; the program is stopped when it prints more. */
  readonly max_output_bytes: number;
  /** Of a longer standard error the head and the tail are kept. */
  readonly max_stderr_bytes: number;
  readonly signal: AbortSignal;
  readonly watch?: CommandWatch | undefined;
}

type StopReason = 'timeout' | 'output_cap' | 'abort';

/** What came of a program. `ended_by` says why it ended; the rest is what was seen until then. */
export type ProgramResult =
  | { readonly kind: 'not_started'; readonly code: string }
  | {
      readonly kind: 'ended';
      readonly ended_by: 'itself' | 'limit' | Exclude<StopReason, 'abort'>;
      /** Which limit of the sandbox ended it, as the second half of a sentence; null unless `ended_by` is `limit`. */
      readonly limit: string | null;
      readonly exit_code: number | null;
      readonly signal: string | null;
      readonly duration_ms: number;
      readonly stdout: Uint8Array;
      readonly stderr: Uint8Array;
    };

/**
 * Runs a program, and resolves when nothing of it runs any more.
 * @throws PromptOsError EXECUTOR_LOST when what started it has died; the signal's reason when it is aborted
 */
export async function runProgram(starter: ProgramStarter, program: LimitedProgram): Promise<ProgramResult> {
  const { signal, watch, max_output_bytes } = program;
  signal.throwIfAborted();
  const begun = performance.now();
  let stoppedBy: StopReason | null = null;
  const running = await starter.start(program).catch((error: unknown) => {
    if (error instanceof ProgramNotStarted) return error;
    throw error;
  });
  if (running instanceof ProgramNotStarted) return { kind: 'not_started', code: running.code };
  const stop = (why: StopReason): void => {
    if (stoppedBy !== null) return;
    stoppedBy = why;
    running.stop();
  };

  const stdout = collectHead(max_output_bytes);
  const stderr = collectHeadAndTail(program.max_stderr_bytes);
  let printed = 0;
  const keep = (collector: ByteCollector, output: CommandOutput) => (chunk: Uint8Array) => {
    printed += chunk.length;
    collector.add(chunk);
    watch?.printed(output, chunk);
    // What comes after the cap is still read, and dropped: a blocked writer could not end in good order.
    if (printed > max_output_bytes) stop('output_cap');
  };
  running.stdout.on('data', keep(stdout, 'stdout'));
  running.stderr.on('data', keep(stderr, 'stderr'));
  watch?.started(program.timeout_ms);
  const timer = setTimeout(() => stop('timeout'), Math.min(program.timeout_ms, MAX_TIMER_MS));
  const abort = () => stop('abort');
  signal.addEventListener('abort', abort, { once: true });
  if (signal.aborted) abort();
  let end: ProgramEnd;
  try {
    end = await running.untilEnded();
  } finally {
    clearTimeout(timer);
    signal.removeEventListener('abort', abort);
  }
  if (stoppedBy === 'abort') throw signal.reason;
  return {
    kind: 'ended',
    ended_by: stoppedBy ?? (end.stopped === undefined ? 'itself' : 'limit'),
    limit: stoppedBy === null ? (end.stopped ?? null) : null,
    exit_code: end.code,
    signal: end.signal,
    duration_ms: Math.round(performance.now() - begun),
    stdout: stdout.bytes(),
    stderr: stderr.bytes(),
  };
}

/** Keeps bytes up to a limit, whatever the size of the pieces that they come in. */
export interface ByteCollector {
  add(chunk: Uint8Array): void;
  bytes(): Uint8Array;
}

interface GrowingBuffer {
  readonly length: number;
  append(chunk: Uint8Array): void;
  keepLast(count: number): void;
  view(): Uint8Array;
}

/** One buffer that doubles: a list of chunks would cost hundreds of bytes for each byte of a slow writer. */
function createGrowingBuffer(): GrowingBuffer {
  let buffer = new Uint8Array(4_096);
  let length = 0;
  return {
    get length() {
      return length;
    },
    append: (chunk) => {
      if (length + chunk.length > buffer.length) {
        const larger = new Uint8Array(Math.max(buffer.length * 2, length + chunk.length));
        larger.set(buffer.subarray(0, length));
        buffer = larger;
      }
      buffer.set(chunk, length);
      length += chunk.length;
    },
    keepLast: (count) => {
      buffer.copyWithin(0, length - count, length);
      length = count;
    },
    view: () => buffer.slice(0, length),
  };
}

/** Keeps the first `limit` bytes. */
export function collectHead(limit: number): ByteCollector {
  const kept = createGrowingBuffer();
  return {
    add: (chunk) => {
      if (kept.length < limit) kept.append(chunk.subarray(0, limit - kept.length));
    },
    bytes: () => kept.view(),
  };
}

/**
 * Keeps the first quarter of `limit` bytes and the last three quarters, with a line between them that says how many
 * were left out.
 */
export function collectHeadAndTail(limit: number): ByteCollector {
  const headLimit = Math.floor(limit / 4);
  const tailLimit = limit - headLimit;
  const head = collectHead(headLimit);
  const tail = createGrowingBuffer();
  let seen = 0;
  return {
    add: (chunk) => {
      const toHead = Math.min(chunk.length, Math.max(0, headLimit - seen));
      head.add(chunk.subarray(0, toHead));
      seen += chunk.length;
      tail.append(chunk.subarray(Math.max(toHead, chunk.length - tailLimit)));
      if (tail.length > 2 * tailLimit) tail.keepLast(tailLimit);
    },
    bytes: () => {
      const first = head.bytes();
      const last = tail.view().subarray(-tailLimit);
      const omitted = seen - first.length - last.length;
      return Buffer.concat(
        omitted === 0 ? [first, last] : [first, Buffer.from(`\n[${omitted} bytes left out]\n`), last],
      );
    },
  };
}
