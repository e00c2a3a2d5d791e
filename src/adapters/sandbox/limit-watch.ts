import { readdirSync, readFileSync, readlinkSync, type Stats, statfsSync, statSync } from 'node:fs';
import { join } from 'node:path';
import type { SandboxLimits } from '../../contracts/config/sandbox-config.js';
import type { ProgramStarter, RunningProgram } from '../platform/program-starter.js';

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

interface WatchedBox {
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

/** The processes of one box, as its own /proc lists them: no other process is looked at. */
interface BoxProcesses {
  /** Names of its processes; none when it has ended or has not begun. */
  list(): readonly string[];
  /** Threads of all, and their memory at most: what several share is counted for each. */
  survey(names: readonly string[]): BoxMemory & { readonly threads: number };
  /** Their memory, at a cost: what several share is counted once. */
  preciseMemory(names: readonly string[]): BoxMemory;
  /** Files that are open and have no name any more: in memory, and on disk. */
  unnamedFiles(names: readonly string[]): { readonly memory: number; readonly disk: number };
  /** What the files of a folder in memory take. */
  folderBytes(folder: string): number;
}

/** Bytes in memory: private ones, and those of files in memory that are mapped. */
interface BoxMemory {
  readonly own: number;
  readonly mapped: number;
}

/** @param guard the process that started the box and waits for it */
export function boxProcesses(guard: number): BoxProcesses {
  /** The first process inside, through whose root the box's own files are seen. */
  const root = (): string | null => {
    const init = read(`/proc/${guard}/task/${guard}/children`).trim().split(' ')[0];
    return init === undefined || init === '' ? null : `/proc/${init}/root`;
  };
  let known: string | null = null;
  const inside = (path: string): string => (known === null ? '' : join(known, path));
  return {
    list: () => {
      // Looked up each time: the number of a box that has ended may become another process's.
      known = ownRoot(root());
      return namesIn(inside('proc')).filter((name) => /^\d+$/.test(name));
    },
    survey: (names) => {
      let [threads, own, mapped] = [0, 0, 0];
      for (const name of names) {
        const status = read(inside(`proc/${name}/status`));
        threads += Number(/^Threads:\s+(\d+)/m.exec(status)?.[1] ?? 1);
        own += sumOf(status, /^(?:RssAnon|VmSwap):\s+(\d+) kB/gm);
        mapped += sumOf(status, /^RssShmem:\s+(\d+) kB/gm);
      }
      return { threads, own, mapped };
    },
    preciseMemory: (names) => {
      let [own, mapped] = [0, 0];
      for (const name of names) {
        const shares = read(inside(`proc/${name}/smaps_rollup`));
        own += sumOf(shares, /^(?:Pss_Anon|SwapPss):\s+(\d+) kB/gm);
        mapped += sumOf(shares, /^Pss_Shmem:\s+(\d+) kB/gm);
      }
      return { own, mapped };
    },
    unnamedFiles: (names) => {
      const seen = new Set<string>();
      let [memory, disk] = [0, 0];
      for (const name of names) {
        const folder = inside(`proc/${name}/fd`);
        for (const descriptor of namesIn(folder)) {
          const path = join(folder, descriptor);
          const file = unnamedFile(path);
          if (file === null || seen.has(`${file.dev}:${file.ino}`)) continue;
          seen.add(`${file.dev}:${file.ino}`);
          const bytes = file.blocks * 512;
          if (linkOf(path).startsWith('/memfd:')) memory += bytes;
          else disk += bytes;
        }
      }
      return { memory, disk };
    },
    folderBytes: (folder) => {
      try {
        const { blocks, bfree, bsize } = statfsSync(inside(folder.slice(1)));
        return (blocks - bfree) * bsize;
      } catch {
        return 0;
      }
    },
  };
}

/**
 * The root of a box, or null while it is still the machine's: a box that is being made, which takes long on a busy machine,
 * would be charged with every process and file of the machine.
 */
function ownRoot(root: string | null): string | null {
  const processes = root === null ? null : deviceOf(join(root, 'proc'));
  return processes === null || processes === deviceOf('/proc') ? null : root;
}

/** Of /proc, each namespace of processes has its own. */
function deviceOf(path: string): number | null {
  try {
    return statSync(path).dev;
  } catch {
    return null;
  }
}

const sumOf = (text: string, kibibytes: RegExp): number =>
  [...text.matchAll(kibibytes)].reduce((sum, [, value]) => sum + Number(value) * KIB, 0);

function read(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    // A process that has ended in the meantime.
    return '';
  }
}

function namesIn(path: string): readonly string[] {
  try {
    return readdirSync(path);
  } catch {
    return [];
  }
}

function linkOf(path: string): string {
  try {
    return readlinkSync(path);
  } catch {
    return '';
  }
}

function unnamedFile(path: string): Stats | null {
  try {
    const found = statSync(path);
    return found.isFile() && found.nlink === 0 ? found : null;
  } catch {
    return null;
  }
}
