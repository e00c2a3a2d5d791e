import { readdirSync, readFileSync, readlinkSync, type Stats, statfsSync, statSync } from 'node:fs';
import { join } from 'node:path';

const KIB = 1_024;

/** The processes of one box, as its own /proc lists them: no other process is looked at. */
export interface BoxProcesses {
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
export interface BoxMemory {
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
