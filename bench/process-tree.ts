import { readdirSync, readFileSync } from 'node:fs';

/** What the kernel reports of one process (proc(5)); Linux only. */
export interface ProcessStat {
  readonly pid: number;
  readonly parent: number;
  /** In ticks since the machine started: a pid that is used again has another one. */
  readonly started: number;
  readonly rss_bytes: number;
  /** Milliseconds of processor time, user and system, of all threads of the process. */
  readonly cpu_ms: number;
  /** The same of its children that have ended and were waited for, and of theirs. */
  readonly ended_children_ms: number;
}

/** A process with all its descendants, at one moment. */
export interface ProcessTree {
  readonly root: ProcessStat;
  readonly descendants: readonly ProcessStat[];
}

/** Milliseconds of processor time between two moments, by who used them. */
export interface ProcessorTime {
  /** The worker's own process. */
  readonly worker_ms: number;
  /** Descendants that lived at both moments, such as a process that starts programs for the worker. */
  readonly helpers_ms: number;
  /** Everything else that ran below them: git, executors, checks. */
  readonly programs_ms: number;
}

/** Milliseconds of one tick: USER_HZ is 100 on every Linux that Node.js runs on. */
const TICK_MS = 10;
const PAGE_BYTES = 4_096;

/** Reads `/proc/<pid>/stat`, whose second field may itself hold spaces and brackets. */
export function readStat(text: string): ProcessStat {
  const fields = text.slice(text.lastIndexOf(')') + 2).split(' ');
  const field = (number: number): number => Number(fields[number - 3]);
  return {
    pid: Number.parseInt(text, 10),
    parent: field(4),
    started: field(22),
    rss_bytes: field(24) * PAGE_BYTES,
    cpu_ms: (field(14) + field(15)) * TICK_MS,
    ended_children_ms: (field(16) + field(17)) * TICK_MS,
  };
}

/**
 * One process, or null when it has ended or there is no /proc. Read at once and as text: a worker reads all processes around each
 * gate, and would spend the gate on collecting the buffers otherwise.
 */
export function readProcess(pid: number): ProcessStat | null {
  try {
    return readStat(readFileSync(`/proc/${pid}/stat`, 'utf8'));
  } catch {
    return null;
  }
}

/** A process and its descendants, found by their parents; null when it has ended or there is no /proc. */
export function readProcessTree(pid: number): ProcessTree | null {
  const root = readProcess(pid);
  if (root === null) return null;
  const pids = readdirSync('/proc').filter((name) => /^\d+$/.test(name));
  const all = pids.map((each) => readProcess(Number(each))).filter((stat) => stat !== null);
  const below = (parent: number): readonly ProcessStat[] =>
    all.filter((stat) => stat.parent === parent).flatMap((stat) => [stat, ...below(stat.pid)]);
  return { root, descendants: below(pid) };
}

/** What a tree of processes used between two moments. */
export function processorTime(before: ProcessTree, after: ProcessTree): ProcessorTime {
  const total = ({ root, descendants }: ProcessTree): number =>
    [root, ...descendants].reduce((sum, stat) => sum + stat.cpu_ms + stat.ended_children_ms, 0);
  const earlier = new Map(before.descendants.map((stat) => [`${stat.pid}@${stat.started}`, stat]));
  const helpers_ms = after.descendants.reduce((sum, stat) => {
    const known = earlier.get(`${stat.pid}@${stat.started}`);
    return known === undefined ? sum : sum + stat.cpu_ms - known.cpu_ms;
  }, 0);
  const worker_ms = after.root.cpu_ms - before.root.cpu_ms;
  return { worker_ms, helpers_ms, programs_ms: total(after) - total(before) - worker_ms - helpers_ms };
}
