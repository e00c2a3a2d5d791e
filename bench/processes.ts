import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { type ProcessTree, readProcessTree } from './process-tree.js';

/** A program that the bench started and that is ready for work. */
export interface BenchProcess {
  readonly pid: number;
  /** What it and its descendants have used up to this moment, or null where there is no /proc. */
  use(): ProcessTree | null;
  /** Asks each of its threads to collect garbage; some seconds later that is done. */
  collectGarbage(): void;
  /** Ends it as a person would, and waits for its end. */
  stop(): Promise<void>;
  /** Kills it with SIGKILL, and waits for its end. What it started is left to itself. */
  kill(): Promise<void>;
}

export interface BenchProcessOptions {
  readonly cwd?: string;
  readonly env?: NodeJS.ProcessEnv;
  /** A folder that gets a CPU profile of each of its threads, in the form that the developer tools of Chrome open. */
  readonly profile?: string | undefined;
  /** A module that is loaded before the program. */
  readonly preload?: string | undefined;
}

const COLLECT = ['--import', new URL('./collect-garbage.js', import.meta.url).href] as const;

/**
 * Starts a script by Node.js and waits until a line of its standard output says that it is ready.
 * @throws Error when it ends before
 */
export async function startProcess(
  args: readonly string[],
  isReady: (line: string) => boolean,
  { cwd, env, profile, preload }: BenchProcessOptions = {},
): Promise<BenchProcess> {
  const profiler = profile === undefined ? [] : ['--cpu-prof', '--cpu-prof-dir', profile];
  const preloaded = preload === undefined ? [] : ['--import', preload];
  const child = spawn(process.execPath, [...COLLECT, ...preloaded, ...profiler, ...args], {
    cwd,
    env,
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const exit = once(child, 'exit');
  await untilReady(child, exit, isReady);
  const pid = child.pid ?? 0;
  const end = async (signal: NodeJS.Signals): Promise<void> => {
    if (child.exitCode === null && child.signalCode === null) child.kill(signal);
    await exit;
  };
  return {
    pid,
    use: () => readProcessTree(pid),
    collectGarbage: () => void child.kill('SIGWINCH'),
    stop: () => end('SIGTERM'),
    kill: () => end('SIGKILL'),
  };
}

function untilReady(child: ChildProcess, exit: Promise<unknown[]>, isReady: (line: string) => boolean): Promise<void> {
  return new Promise<void>((resolve, reject) => {
    if (child.stdout === null) throw new Error('expected a pipe from the process');
    createInterface({ input: child.stdout }).on('line', (line) => isReady(line) && resolve());
    exit.then(([code]) => reject(new Error(`the process ended with ${code} before it was ready`)), reject);
  });
}
