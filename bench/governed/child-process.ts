import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFile } from 'node:fs/promises';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { PROMPTOS } from './package-root.js';

/** What the kernel says of a process (proc(5)); Linux only. */
export interface ProcessUse {
  readonly rss_bytes: number;
  /** Milliseconds on a processor, of the process itself. */
  readonly cpu_ms: number;
  /** Milliseconds of the programs that it started and that have ended: git, executors, checks. */
  readonly children_cpu_ms: number;
}

/** A program that the bench started and that is ready for work. */
export interface BenchProcess {
  readonly pid: number;
  /** What the process uses at this moment, or null where there is no /proc. */
  use(): Promise<ProcessUse | null>;
  /** Has every thread of it let go of what nobody holds any more; some seconds later it is done. */
  collectGarbage(): void;
  stop(): Promise<void>;
}

/** Milliseconds of one tick: USER_HZ is 100 on every Linux that Node runs on. */
const TICK_MS = 10;
const PAGE_BYTES = 4_096;

/** Reads `/proc/<pid>/stat`, whose second field may itself hold spaces and brackets. */
export function readStat(text: string): ProcessUse {
  const fields = text.slice(text.lastIndexOf(')') + 2).split(' ');
  const field = (number: number): number => Number(fields[number - 3]);
  return {
    rss_bytes: field(24) * PAGE_BYTES,
    cpu_ms: (field(14) + field(15)) * TICK_MS,
    children_cpu_ms: (field(16) + field(17)) * TICK_MS,
  };
}

/** Waits until a line of standard output says that the process is ready. */
async function untilReady(child: ChildProcess, isReady: (line: string) => boolean): Promise<BenchProcess> {
  const exit = once(child, 'exit');
  const ready = new Promise<void>((resolve, reject) => {
    if (child.stdout === null) throw new Error('expected a pipe from the process');
    createInterface({ input: child.stdout }).on('line', (line) => isReady(line) && resolve());
    exit.then(([code]) => reject(new Error(`the process ended with ${code} before it was ready`)), reject);
  });
  await ready;
  const pid = child.pid ?? 0;
  return {
    pid,
    use: () => readFile(`/proc/${pid}/stat`, 'utf8').then(readStat, () => null),
    collectGarbage: () => void child.kill('SIGWINCH'),
    stop: async () => {
      if (child.exitCode === null) child.kill('SIGTERM');
      await exit;
    },
  };
}

const COLLECT = ['--import', new URL('./collect-garbage.js', import.meta.url).href] as const;

/** `promptos worker` in a repository; the embedded server is started when it does not run, and stays. */
export const startPromptosWorker = (folder: string, env: NodeJS.ProcessEnv): Promise<BenchProcess> =>
  untilReady(
    spawn(process.execPath, [...COLLECT, PROMPTOS, 'worker', '--start-server', '--json'], {
      cwd: folder,
      env: { ...env, PROMPTOS_LOG_LEVEL: 'error' },
      stdio: ['ignore', 'pipe', 'inherit'],
    }),
    (line) => line.includes('"ready"'),
  );

/** A worker for bare runs in a process of its own, as a governed one has. */
export const startBareWorker = (address: string): Promise<BenchProcess> =>
  untilReady(
    spawn(process.execPath, [...COLLECT, fileURLToPath(new URL('./bare-worker.js', import.meta.url)), address], {
      stdio: ['ignore', 'pipe', 'inherit'],
    }),
    (line) => line === 'ready',
  );
