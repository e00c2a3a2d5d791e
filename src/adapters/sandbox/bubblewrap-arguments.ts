import type { Mount } from './mounts.js';
import type { SystemCallFilter } from './system-call-filter.js';

export interface BubblewrapPlan {
  /** In the order in which they are made: a later one may cover an earlier one. */
  readonly mounts: readonly Mount[];
  readonly directory: string;
  /** Variables that are set inside only. They are shown by ps(1). */
  readonly environment: Readonly<Record<string, string>>;
  /** Folders for temporary files, each in memory. */
  readonly temporary: readonly string[];
  /** The size of each of them, and of shared memory. */
  readonly temporaryBytes: number;
  /** Who the program is inside; null for who starts the sandbox. */
  readonly user: { readonly uid: number; readonly gid: number } | null;
  /** Whether the program has the network of the machine. */
  readonly hostNetwork: boolean;
  /** Limits of each process, as prlimit(1) takes them. */
  readonly limits: readonly string[];
  /** The program and its arguments; the program as an absolute path. */
  readonly argv: readonly string[];
}

/** The programs that start the sandbox, as absolute paths. */
export interface BubblewrapPrograms {
  readonly bwrap: string;
  readonly prlimit: string;
  readonly setsid: string;
  /** Which system calls fail, where that is known for this processor. */
  readonly filter: SystemCallFilter | null;
}

/** Where the launcher learns which process is the first inside. */
const GUARD_DESCRIPTOR = 3;
/** Where the launcher writes the input of the guard. */
const FILTER_DESCRIPTOR = 4;

/**
 * The command line that runs a program in bubblewrap. The order of namespaces does not matter; that of mounts does.
 * - `/proc` is read-only: a program that runs as root could set the machine's own parameters there without any capability.
 * - No further user namespace: in one of its own a program would have capabilities again.
 * - `setsid` inside: the guard stays in a group that the program cannot signal, and the launcher sees its last process.
 */
export function bubblewrapArguments(programs: BubblewrapPrograms, plan: BubblewrapPlan): readonly string[] {
  const { temporary, temporaryBytes, limits, argv } = plan;
  const size = ['--perms', '1777', '--size', String(temporaryBytes), '--tmpfs'];
  return [
    programs.bwrap,
    ...['--unshare-user', '--unshare-pid', '--unshare-ipc', '--unshare-uts', '--unshare-cgroup-try'],
    ...(plan.user === null ? [] : ['--uid', String(plan.user.uid), '--gid', String(plan.user.gid)]),
    ...(plan.hostNetwork ? [] : ['--unshare-net']),
    ...['--disable-userns', '--cap-drop', 'ALL', '--die-with-parent', '--info-fd', String(GUARD_DESCRIPTOR)],
    ...(programs.filter === null ? [] : ['--seccomp', String(FILTER_DESCRIPTOR)]),
    // A name that resolves without a network.
    ...['--hostname', 'localhost'],
    ...['--proc', '/proc', '--remount-ro', '/proc'],
    ...['--dev', '/dev', ...size, '/dev/shm', '--remount-ro', '/dev'],
    ...temporary.flatMap((folder) => [...size, folder]),
    ...plan.mounts.flatMap(mountArguments),
    // Last, since a folder that is writable may be in one that is hidden.
    ...[...plan.mounts.flatMap(hiddenFolder), '/'].flatMap((folder) => ['--remount-ro', folder]),
    ...Object.entries(plan.environment).flatMap(([name, value]) => ['--setenv', name, value]),
    ...['--chdir', plan.directory, '--'],
    ...[programs.prlimit, ...limits, '--', programs.setsid, ...argv],
  ];
}

const hiddenFolder = (mount: Mount): readonly string[] => (mount.kind === 'hidden' && mount.folder ? [mount.path] : []);

function mountArguments(mount: Mount): readonly string[] {
  switch (mount.kind) {
    case 'readable':
      return ['--ro-bind', mount.path, mount.path];
    case 'writable':
      return ['--bind', mount.path, mount.path];
    case 'link':
      return ['--symlink', mount.target, mount.path];
    case 'hidden':
      return mount.folder
        ? ['--perms', '0755', '--size', '4096', '--tmpfs', mount.path]
        : ['--ro-bind', '/dev/null', mount.path];
  }
}
