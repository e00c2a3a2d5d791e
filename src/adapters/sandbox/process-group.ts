import { accessSync, constants, mkdirSync, readdirSync, readFileSync, rmdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { markedPath } from '../platform/leftovers.js';
import { PROCESS_MARK_PATTERN, stateOfMark } from '../platform/process-identity.js';

const PREFIX = 'promptos-sandbox';
const ENTER = 'echo $$ > "$0/cgroup.procs" && exec "$@"';

/** A control group that bounds the processes of one program. */
export interface ProcessGroup {
  /** The command line, so that it runs in the group. */
  within(argv: readonly string[]): readonly string[];
  remove(): void;
}

/**
 * Makes control groups where this user may. For root they are what bounds the number of processes, since the kernel applies
 * that limit of a process to every user but root.
 * @returns null where it may not
 */
export function findProcessGroups(): ((max: number) => ProcessGroup) | null {
  const parent = writableParent();
  if (parent === null) return null;
  removeLeftGroups(parent);
  return (max) => {
    const folder = markedPath(parent, PREFIX);
    mkdirSync(folder);
    writeFileSync(join(folder, 'pids.max'), String(max));
    return { within: (argv) => ['/bin/sh', '-c', ENTER, folder, ...argv], remove: () => removeGroup(folder) };
  };
}

/** The group of this process, of the first version of control groups; or the top one, of the second. */
function writableParent(): string | null {
  try {
    const own = /^\d+:(?:[^:]*,)?pids(?:,[^:]*)?:(.*)$/m.exec(readFileSync('/proc/self/cgroup', 'utf8'))?.[1];
    const parent = own === undefined ? '/sys/fs/cgroup' : join('/sys/fs/cgroup/pids', own);
    if (own === undefined && !readFileSync(join(parent, 'cgroup.subtree_control'), 'utf8').includes('pids'))
      return null;
    accessSync(parent, constants.W_OK);
    const trial = markedPath(parent, PREFIX);
    mkdirSync(trial);
    rmdirSync(trial);
    return parent;
  } catch {
    return null;
  }
}

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
