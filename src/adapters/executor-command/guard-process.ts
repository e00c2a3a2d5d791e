import { type ChildProcess, spawn } from 'node:child_process';
import { closeSync } from 'node:fs';
import type { Readable } from 'node:stream';
import { PromptOsError } from '../../contracts/errors.js';
import { guardArguments } from './guard-program.js';
import { openEmptyInput, openInput, openOutputPipes } from './standard-streams.js';

/** How long to wait for the end of an output that something outside the session still holds open. */
const DRAIN_MS = 1_000;
const DRAIN_ROUNDS = 5;

/** What a guard says of its command: that it began, that it could not, that nothing of it runs any more. */
export type GuardReport =
  | { readonly kind: 'started'; readonly pid: number }
  | { readonly kind: 'failed'; readonly code: string }
  | { readonly kind: 'ended'; readonly code: number | null; readonly signal: string | null };

/** The job that a guard is given first. Anything after it means that the command is to end. */
export interface GuardJob {
  readonly argv: readonly string[];
  readonly env: Readonly<Record<string, string>>;
  readonly cwd: string;
  readonly mark: string;
  /** Removed by the guard when the worker has gone. */
  readonly scratch: string;
  /** From SIGTERM to SIGKILL. */
  readonly grace_ms: number;
}

/** A running guard, with the outputs of its command. */
export interface GuardProcess {
  readonly stdout: Readable;
  readonly stderr: Readable;
  /** The guard's latest word. */
  report(): GuardReport | null;
  stop(): void;
  /** Kills the guard and the command's process group. */
  kill(): void;
  /**
   * Resolves when the guard has gone, its last word is here, and the outputs are read to their ends.
   * @throws PromptOsError EXECUTOR_LOST when the guard could not start
   */
  over(): Promise<void>;
}

/**
 * Starts a guard in `folder`, in a session of its own, and gives it its job.
 * @param stdin what the command reads on its standard input, or null for nothing
 */
export async function startGuard(folder: string, job: GuardJob, stdin: string | null): Promise<GuardProcess> {
  const input = stdin === null ? openEmptyInput() : await openInput(folder, stdin);
  const pipes = await openOutputPipes(folder);
  const outputs = pipes?.map((pipe) => pipe.writingEnd) ?? ['pipe' as const, 'pipe' as const];
  const child = spawn(process.execPath, guardArguments(), {
    cwd: folder,
    // The guard gets no variable at all: the command's own travel over the channel, out of `ps`.
    env: {},
    stdio: [input, ...outputs, 'ipc'],
    detached: true,
  });
  const gone = untilGone(child);
  // Whoever waits gets it; until then a failure must not end the worker.
  gone.catch(() => undefined);
  for (const end of [input, ...outputs]) if (typeof end === 'number') closeSync(end);
  const [stdout, stderr] = pipes?.map((pipe) => pipe.reader) ?? [child.stdout, child.stderr];
  if (!stdout || !stderr) throw new PromptOsError('EXECUTOR_LOST', 'The guard process could not start.');
  for (const output of [stdout, stderr]) output.on('error', () => undefined);
  let latest: GuardReport | null = null;
  let session: number | null = null;
  const kill = () => {
    child.kill('SIGKILL');
    if (session !== null) killGroup(session);
  };
  child.on('message', (message) => {
    latest = message as GuardReport;
    if (latest.kind === 'started') session = latest.pid;
  });
  // The channel closes after the last message: without a last word, whoever ended the guard did not end the command.
  child.once('disconnect', () => {
    if (latest === null || latest.kind === 'started') kill();
  });
  child.send(JSON.stringify(job), () => undefined);
  return {
    stdout,
    stderr,
    report: () => latest,
    stop: () => {
      if (child.connected) child.send('stop', () => undefined);
    },
    kill,
    over: async () => {
      try {
        await gone;
        await drain([stdout, stderr]);
      } finally {
        for (const output of [stdout, stderr]) output.destroy();
      }
    },
  };
}

function untilGone(child: ChildProcess): Promise<void> {
  const exited = new Promise<void>((resolve) => child.once('exit', () => resolve()));
  const disconnected = new Promise<void>((resolve) => child.once('disconnect', () => resolve()));
  const failed = new Promise<never>((_, reject) => {
    child.once('error', (error) => {
      if (child.pid !== undefined) return;
      reject(new PromptOsError('EXECUTOR_LOST', `The guard process could not start: ${error.message}.`));
    });
  });
  return Promise.race([failed, Promise.all([exited, disconnected]).then(() => undefined)]);
}

/** Waits for the ends of outputs, but not for ever: what escaped the guard may hold them open. */
async function drain(outputs: readonly Readable[]): Promise<void> {
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

function killGroup(session: number): void {
  try {
    process.kill(-session, 'SIGKILL');
  } catch {
    // Nothing of it runs any more.
  }
}
