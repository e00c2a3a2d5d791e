import { mkdirSync, readdirSync, readFileSync, rmdirSync, writeFileSync } from 'node:fs';
import { release } from 'node:os';
import { isAbsolute, join, resolve } from 'node:path';
import type { SandboxLimits } from '../../contracts/config/sandbox-config.js';
import type { LaysUnder } from '../../ports/laid-under.js';
import { markedPath } from '../platform/leftovers.js';
import { PROCESS_MARK_PATTERN, stateOfMark } from '../platform/process-identity.js';
import type { OpenNetwork, Program, ProgramStarter, Sandbox } from '../platform/program-starter.js';
import { type BubblewrapPrograms, bubblewrapArguments } from './bubblewrap-arguments.js';
import { confinePrograms } from './confine.js';
import { type MountPrograms, withLaidUnder } from './laid-under.js';
import { isWithin } from './mounts.js';
import { createShownFiles, type ShownFilesOptions } from './shown-files.js';
import type { SystemFiles } from './system-files.js';

/** The folder for temporary files, and the part of the memory limit that its files may take. */
const TEMPORARY = '/tmp';
const TEMPORARY_SHARE = 4;

/**
 * A program in a sandbox may take its folders' permissions away, and so hide what is in them from a worker that is not root.
 * With this capability, which holds for files of the worker's user, they are counted all the same.
 */
const READS_EVERYTHING = [
  ...['--unshare-user', '--cap-add', 'CAP_DAC_READ_SEARCH', '--die-with-parent'],
  ...['--ro-bind', '/', '/', '--'],
];

export interface BubblewrapOptions extends Omit<ShownFilesOptions, 'system'> {
  /** What starts the sandboxes. */
  readonly programs: ProgramStarter;
  readonly tools: BubblewrapPrograms;
  readonly system: SystemFiles;
  readonly limits: SandboxLimits;
  readonly openNetwork?: OpenNetwork | undefined;
  /** What mounts what is laid under a folder; null where it is missing. */
  readonly mountTools: MountPrograms | null;
  readonly laysUnder: LaysUnder;
}

/** Runs each program that has a reach in a bubblewrap sandbox of its own, on Linux. */
export function createBubblewrap(options: BubblewrapOptions): Sandbox {
  const { programs, tools, system, limits, openNetwork, mountTools, laysUnder } = options;
  const show = createShownFiles({ ...options, system: system.mounts });
  const temporaryBytes = Math.max(1, Math.floor(limits.memory_bytes / TEMPORARY_SHARE));
  const ofProcesses = processLimits(limits);
  const isRoot = process.getuid?.() === 0;
  const makeGroup = isRoot ? findProcessGroups() : null;
  const sandbox = confinePrograms({
    ...{ kind: 'bubblewrap', programs, limits, openNetwork, guard: true, guardInput: tools.filter?.program },
    reader: isRoot ? [] : [tools.bwrap, ...READS_EVERYTHING],
    commandLine: async (program, network) => {
      const { executable, mounts, writable, isShown } = await show(program, network);
      const { argv, cwd, reach } = program;
      const { outside: env, inside } = splitEnvironment(program.env);
      const hostNetwork = reach.network === 'full';
      const temporary = temporaryFolders(program.env.TMPDIR, isShown);
      const under = mountTools === null ? null : (reach.laidUnder ?? null);
      const bare = bubblewrapArguments(tools, {
        mounts: hostNetwork ? [...system.nameServers, ...mounts] : mounts,
        ...{ directory: cwd, environment: inside, temporary, temporaryBytes, hostNetwork, limits: ofProcesses },
        user: under === null ? null : ownUser(),
        argv: [...(network?.relay ?? []), executable, ...argv.slice(1)],
      });
      const command = under === null || mountTools === null ? bare : withLaidUnder(mountTools, cwd, under, bare);
      const group = makeGroup?.(limits.processes + SPARE_PROCESSES);
      return { argv: group?.within(command) ?? command, env, writable, temporary, ended: group?.remove };
    },
  });
  return { ...sandbox, laysUnder, leavesNothing: true };
}

/** In the namespace of a mount this user is root; inside of the sandbox the program is who it is without a mount. */
export const ownUser = (): { readonly uid: number; readonly gid: number } => ({
  uid: process.getuid?.() ?? 0,
  gid: process.getgid?.() ?? 0,
});

/** `/tmp`, and what the program's own environment names in its place, such as a folder of one user in `/tmp`. */
function temporaryFolders(named: string | undefined, isShown: (path: string) => boolean): readonly string[] {
  const folder = named !== undefined && isAbsolute(named) ? resolve(named) : TEMPORARY;
  return isWithin(TEMPORARY, folder) || isShown(folder) ? [TEMPORARY] : [TEMPORARY, folder];
}

/** By these a loader or a shell runs other code, possibly from the checkout: the current folder is where they look. */
const RUNS_CODE = /^(?:LD_|GLIBC_|BASH_FUNC_|(?:GCONV_PATH|LOCPATH|BASH_ENV|ENV)$)/;

/** What the programs that make the sandbox see of the environment, and what is set inside it only. */
function splitEnvironment(env: Program['env']): Record<'outside' | 'inside', Program['env']> {
  const of = (isInside: boolean) =>
    Object.fromEntries(Object.entries(env).filter(([name]) => RUNS_CODE.test(name) === isInside));
  return { outside: of(false), inside: of(true) };
}

/** From the signal that a program may handle to the one that ends it. */
const CPU_GRACE_SECONDS = 5;
/** Since this version the kernel counts the processes of a user namespace by themselves. */
const COUNTS_NAMESPACES = [5, 14] as const;
/** The kernel refuses more than the limit and these, so that a watch sees the limit exceeded. */
const SPARE_PROCESSES = 32;

/** The limits that the kernel keeps for each process, as prlimit(1) takes them. */
function processLimits(limits: SandboxLimits): readonly string[] {
  const most = hardLimits();
  const within = (name: string, value: number): number => Math.min(value, most.get(name) ?? value);
  const cpu = within('Max cpu time', limits.cpu_seconds);
  return [
    '--core=0:0',
    `--cpu=${cpu}:${within('Max cpu time', cpu + CPU_GRACE_SECONDS)}`,
    `--fsize=${within('Max file size', limits.file_bytes)}`,
    // An older kernel would count every process of the user.
    ...(kernelIsAtLeast(COUNTS_NAMESPACES)
      ? [`--nproc=${within('Max processes', limits.processes + SPARE_PROCESSES)}`]
      : []),
  ];
}

/** What this process may not exceed, and so no program that it starts. */
function hardLimits(): ReadonlyMap<string, number> {
  const lines = readFileSync('/proc/self/limits', 'latin1').matchAll(/^(Max [a-z ]+?) {2,}\S+ +(\d+)/gm);
  return new Map([...lines].map(([, name = '', hard]) => [name, Number(hard)]));
}

function kernelIsAtLeast([major, minor]: readonly [number, number]): boolean {
  const [ownMajor = 0, ownMinor = 0] = release().split('.').map(Number);
  return ownMajor > major || (ownMajor === major && ownMinor >= minor);
}

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
