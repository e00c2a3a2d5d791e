import type { SandboxLimits } from '../../contracts/config/sandbox-config.js';
import type { ProgramStarter, RunningProgram } from '../platform/program-starter.js';
import { type BoxMemory, type BoxProcesses, boxProcesses } from './box-processes.js';

/** Between two looks at the processes of a box. */
const LOOK_MS = 100;
/** Every so many looks, files in memory and files without a name are counted too. */
const LOOKS_TO_FILES = 5;
/** After memory turned out to be shared, it is counted precisely again after so many looks. */
const LOOKS_TO_PRECISE = 10;
/** Counting files takes a processor this part of the time at most. */
const DISK_SHARE = 0.05;
const FIRST_DISK_MS = 1_000;
const DISK_MS = 2_000;
/** Counting the files of a box must not take longer: a limit that cannot be counted is not kept. */
const MAX_COUNT_MS = 60_000;
const KIB = 1_024;

export interface WatchedBox {
  readonly running: RunningProgram;
  readonly limits: SandboxLimits;
  /** Folders on disk that it may write to. */
  readonly writable: readonly string[];
  /** Folders in memory that it may write to. */
  readonly temporary: readonly string[];
  /** The command line that starts a program which may read every folder of the box; empty where any may. */
  readonly reader: readonly string[];
}

export interface LimitWatch {
  /** Why the program was stopped, or null when it was not. */
  stopped(): string | null;
  close(): void;
}

/** Stops a program that uses more than its limits, as far as the kernel does not keep them by itself. */
export function watchLimits(box: WatchedBox, programs: ProgramStarter): LimitWatch {
  const { running, limits } = box;
  const processes = boxProcesses(running.pid);
  let stopped: string | null = null;
  let closed = false;
  const stop: Stop = (what, limit, why = `it used more than ${limits[limit]} ${what}`) => {
    if (closed || stopped !== null) return;
    stopped = `${why} (sandbox.limits.${limit})`;
    running.kill();
  };
  const look = memoryAndProcesses(processes, box, stop);
  const looks = setInterval(look, LOOK_MS);
  looks.unref();
  const disk = watchDisk(box, programs, { stop, unnamed: () => processes.unnamedFiles(processes.list()).disk });
  return {
    stopped: () => stopped,
    close: () => {
      closed = true;
      clearInterval(looks);
      disk.close();
    },
  };
}

type Stop = (what: string, limit: keyof SandboxLimits, why?: string) => void;

function memoryAndProcesses(processes: BoxProcesses, { limits, temporary }: WatchedBox, stop: Stop): () => void {
  let [number, preciseFrom, inFiles] = [0, 0, 0];
  return () => {
    const names = processes.list();
    if (names.length > limits.processes) return stop('processes and threads at a time', 'processes');
    const { threads, ...memory } = processes.survey(names);
    if (threads > limits.processes) return stop('processes and threads at a time', 'processes');
    if (number % LOOKS_TO_FILES === 0) {
      const folders = ['/dev/shm', ...temporary].reduce((sum, folder) => sum + processes.folderBytes(folder), 0);
      inFiles = folders + processes.unnamedFiles(names).memory;
    }
    number += 1;
    // A file in memory may be mapped too: it is counted once.
    const exceeds = ({ own, mapped }: BoxMemory) => own + Math.max(mapped, inFiles) > limits.memory_bytes;
    if (!exceeds(memory) || number < preciseFrom) return;
    preciseFrom = number + LOOKS_TO_PRECISE;
    if (exceeds(processes.preciseMemory(names))) stop('bytes of memory', 'memory_bytes');
  };
}

interface DiskParts {
  readonly stop: Stop;
  /** Bytes of open files that have no name. */
  readonly unnamed: () => number;
}

function watchDisk({ limits, writable, reader }: WatchedBox, programs: ProgramStarter, { stop, unnamed }: DiskParts) {
  let closed = false;
  let timer: NodeJS.Timeout | undefined;
  let counting: RunningProgram | undefined;
  const look = async (): Promise<void> => {
    const begun = performance.now();
    const argv = [...reader, 'du', '-skx', '--', ...writable];
    const counted = await countFiles(programs, argv, (running) => {
      counting = running;
    }).catch(() => null);
    if (closed) return;
    const took = performance.now() - begun;
    const bytes = 'bytes of disk';
    if (took > MAX_COUNT_MS)
      return stop(bytes, 'disk_bytes', `its files took longer than ${MAX_COUNT_MS / 1_000} s to count`);
    if (counted !== null && counted + unnamed() > limits.disk_bytes) return stop(bytes, 'disk_bytes');
    schedule(Math.max(DISK_MS, took / DISK_SHARE));
  };
  const schedule = (ms: number): void => {
    timer = setTimeout(look, ms);
    timer.unref();
  };
  schedule(FIRST_DISK_MS);
  return {
    close: () => {
      closed = true;
      clearTimeout(timer);
      counting?.kill();
    },
  };
}

/** Bytes that the files of folders take on disk, by a program of its own: it may take long. */
async function countFiles(
  programs: ProgramStarter,
  argv: readonly string[],
  started: (running: RunningProgram) => void,
): Promise<number | null> {
  const running = await programs.start({
    argv,
    env: { PATH: '/usr/bin:/bin', LC_ALL: 'C' },
    cwd: '/',
  });
  started(running);
  let printed = '';
  running.stdout.setEncoding('utf8').on('data', (chunk: string) => {
    printed += chunk;
  });
  running.stderr.resume();
  await running.untilEnded();
  const sizes = [...printed.matchAll(/^(\d+)\t/gm)].map(([, kib]) => Number(kib) * KIB);
  return sizes.length === 0 ? null : sizes.reduce((sum, size) => sum + size, 0);
}
