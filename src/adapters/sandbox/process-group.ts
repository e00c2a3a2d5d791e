import { mkdirSync, readdirSync, readFileSync, rmdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { markedPath } from '../platform/leftovers.js';
import { PROCESS_MARK_PATTERN, stateOfMark } from '../platform/process-identity.js';

const PREFIX = 'promptos-sandbox';
/** 0 is the process that writes. */
const ENTER = 'echo 0 > "$0" && exec "$@"';

/** A control group that bounds the processes of one program. */
export interface ProcessGroup {
  /** The command line, so that it runs in the group. */
  within(argv: readonly string[]): readonly string[];
  remove(): void;
}

/**
 * Where groups are made, and the file of a group by which a process enters it. The kernel moves a whole process only when no
 * other one starts or ends, for which it waits some 15 ms; a thread that moves itself does not wait. Where the file takes
 * threads, the process that enters has one alone: a shell.
 */
interface Place {
  readonly parent: string;
  readonly entry: 'tasks' | 'cgroup.threads' | 'cgroup.procs';
}

/**
 * Makes control groups where this user may. For root they are what bounds the number of processes, since the kernel applies
 * that limit of a process to every user but root.
 * @returns null where it may not
 */
export function findProcessGroups(): ((max: number) => ProcessGroup) | null {
  const place = writablePlace();
  if (place === null) return null;
  removeLeftGroups(place.parent);
  return (max) => {
    const folder = makeGroup(place, max);
    const entry = join(folder, place.entry);
    return { within: (argv) => ['/bin/sh', '-c', ENTER, entry, ...argv], remove: () => removeGroup(folder) };
  };
}

function writablePlace(): Place | null {
  try {
    return placesOf(readFileSync('/proc/self/cgroup', 'utf8')).find(isWritable) ?? null;
  } catch {
    return null;
  }
}

/**
 * Of the first version of control groups, the group of this process. Of the second, that too where groups below it are bounded,
 * since a single thread moves only below the group that its whole process is in; else the top one.
 */
function placesOf(groups: string): readonly Place[] {
  const own = /^\d+:(?:[^:]*,)?pids(?:,[^:]*)?:(.*)$/m.exec(groups)?.[1];
  if (own !== undefined) return [{ parent: join('/sys/fs/cgroup/pids', own), entry: 'tasks' }];
  const ownOfSecond = /^0::(.*)$/m.exec(groups)?.[1] ?? '/';
  return [
    { parent: join('/sys/fs/cgroup', ownOfSecond), entry: 'cgroup.threads' },
    { parent: '/sys/fs/cgroup', entry: 'cgroup.procs' },
  ];
}

function isWritable(place: Place): boolean {
  try {
    removeGroup(makeGroup(place, 'max'));
    return true;
  } catch {
    return false;
  }
}

function makeGroup({ parent, entry }: Place, max: number | 'max'): string {
  const folder = markedPath(parent, PREFIX);
  mkdirSync(folder);
  try {
    if (entry === 'cgroup.threads') set(join(folder, 'cgroup.type'), 'threaded');
    set(join(folder, 'pids.max'), String(max));
    return folder;
  } catch (error) {
    removeGroup(folder);
    throw error;
  }
}

/** Where control groups of another kind are mounted, the file is not there, and must not be made. */
const set = (path: string, value: string): void => writeFileSync(path, value, { flag: 'r+' });

function removeLeftGroups(parent: string): void {
  const pattern = new RegExp(`^${PREFIX}-(${PROCESS_MARK_PATTERN})-[^/]+$`);
  for (const name of readdirSync(parent)) {
    const mark = pattern.exec(name)?.[1];
    if (mark !== undefined && stateOfMark(mark) === 'dead') removeGroup(join(parent, name));
  }
}

function removeGroup(folder: string): void {
  try {
    rmdirSync(folder);
  } catch {
    // A process of it still ends: the next worker removes it.
  }
}
