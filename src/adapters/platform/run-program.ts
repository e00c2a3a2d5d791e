import { PromptOsError, systemCode } from '../../contracts/errors.js';
import type { Content } from '../../contracts/long-bytes.js';
import type { NetworkLog } from '../../contracts/record/network-log.js';
import type { CommandOutput, CommandWatch } from '../../ports/gate-executor.js';
import { type ByteCollector, collectContent, collectHead, collectHeadAndTail } from './collect-bytes.js';
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

/** A program whose outputs may be too long for the memory of this process. */
export interface TalkativeProgram extends LimitedProgram {
  /** Absolute folder for the files of long outputs. The caller releases the outputs. */
  readonly outputs: string;
}

type StopReason = 'timeout' | 'output_cap' | 'abort' | 'not_kept';

/** What came of a program. `ended_by` says why it ended; the rest is what was seen until then. */
export type ProgramResult<Output = Uint8Array> =
  | { readonly kind: 'not_started'; readonly code: string }
  | {
      readonly kind: 'ended';
      readonly ended_by: 'itself' | 'limit' | 'timeout' | 'output_cap';
      /** Which limit of the sandbox ended it, as the second half of a sentence; null unless `ended_by` is `limit`. */
      readonly limit: string | null;
      readonly exit_code: number | null;
      readonly signal: string | null;
      readonly duration_ms: number;
      readonly stdout: Output;
      readonly stderr: Output;
      readonly network: NetworkLog | undefined;
    };

/**
 * Runs a program, and resolves when nothing of it runs any more.
 * @throws PromptOsError EXECUTOR_LOST when what started it has died, or where its output cannot be kept; the signal's
 * reason when it is aborted
 */
export async function runProgram(starter: ProgramStarter, program: LimitedProgram): Promise<ProgramResult> {
  const { max_output_bytes, max_stderr_bytes } = program;
  return runCollecting(starter, program, {
    stdout: collectHead(max_output_bytes),
    stderr: collectHeadAndTail(max_stderr_bytes),
  });
}

/**
 * The same for a program whose outputs may be long: those go to files.
 * @throws PromptOsError as `runProgram`
 */
export async function runTalkative(
  starter: ProgramStarter,
  program: TalkativeProgram,
): Promise<ProgramResult<Content>> {
  const { max_output_bytes, max_stderr_bytes, outputs } = program;
  const stdout = collectContent(max_output_bytes, outputs);
  // Where the limit of both outputs is no larger, nothing of standard error is left out.
  const whole = max_stderr_bytes >= max_output_bytes ? collectContent(max_output_bytes, outputs) : null;
  try {
    return await runCollecting(starter, program, { stdout, stderr: whole ?? collectHeadAndTail(max_stderr_bytes) });
  } catch (error) {
    for (const collector of [stdout, whole]) collector?.drop();
    throw error;
  }
}

async function runCollecting<Output>(
  starter: ProgramStarter,
  program: LimitedProgram,
  collectors: Readonly<Record<CommandOutput, ByteCollector<Output>>>,
): Promise<ProgramResult<Output>> {
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

  let printed = 0;
  let unkept: unknown;
  const keep = (output: CommandOutput) => (chunk: Uint8Array) => {
    printed += chunk.length;
    try {
      if (unkept === undefined) collectors[output].add(chunk);
    } catch (error) {
      unkept = error;
      stop('not_kept');
    }
    watch?.printed(output, chunk);
    // What comes after the cap is still read, and dropped: a blocked writer could not end in good order.
    if (printed > max_output_bytes) stop('output_cap');
  };
  running.stdout.on('data', keep('stdout'));
  running.stderr.on('data', keep('stderr'));
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
  // Assigned by the listeners above, which the compiler does not see.
  const why = stoppedBy as StopReason | null;
  if (why === 'abort') throw signal.reason;
  if (why === 'not_kept' || unkept !== undefined) throw notKept(unkept);
  return {
    kind: 'ended',
    ended_by: why ?? (end.stopped === undefined ? 'itself' : 'limit'),
    limit: why === null ? (end.stopped ?? null) : null,
    exit_code: end.code,
    signal: end.signal,
    duration_ms: Math.round(performance.now() - begun),
    stdout: collectors.stdout.bytes(),
    stderr: collectors.stderr.bytes(),
    network: end.network,
  };
}

/** A full disk, or a folder that went: the next try may find it mended. */
const notKept = (error: unknown): PromptOsError =>
  new PromptOsError(
    'EXECUTOR_LOST',
    `What a program printed could not be written to a file (${systemCode(error) ?? 'no code'}), so the program was stopped.`,
    { cause: error, hint: 'It will be tried again. Free some space on the disk of the state folder.' },
  );
