import type { SandboxLimits } from '../../contracts/config/sandbox-config.js';
import type { NetworkAccess } from '../../contracts/network-access.js';
import type { OpenNetwork, ProgramStarter, Sandbox } from '../platform/program-starter.js';
import { confinePrograms } from './confine.js';
import { followed, type Mount } from './mounts.js';
import { createShownFiles, type ShownFilesOptions } from './shown-files.js';

/** `ulimit -f` counts in blocks. */
const BLOCK_BYTES = 512;
/** The system, which the profile itself makes readable. */
const SYSTEM_FOLDERS: readonly Mount[] = ['/System', '/usr', '/bin', '/sbin', '/Library', '/opt', '/etc', '/dev'].map(
  (path) => ({
    kind: 'readable',
    path,
  }),
);

interface SandboxExecOptions extends Omit<ShownFilesOptions, 'system'> {
  readonly programs: ProgramStarter;
  /** The absolute path of sandbox-exec. */
  readonly sandboxExec: string;
  readonly limits: SandboxLimits;
  readonly openNetwork?: OpenNetwork | undefined;
}

/** Runs each program that has a reach under a profile of sandbox-exec(1), on macOS. */
export function createSandboxExec(options: SandboxExecOptions): Sandbox {
  const { programs, sandboxExec, limits, openNetwork } = options;
  const show = createShownFiles({ ...options, system: SYSTEM_FOLDERS });
  const fileBlocks = Math.ceil(limits.file_bytes / BLOCK_BYTES);
  const script = `ulimit -c 0 -t ${limits.cpu_seconds} -f ${fileBlocks}; exec "$@"`;
  return confinePrograms({
    ...{ kind: 'sandbox-exec', programs, limits, openNetwork, guard: false },
    commandLine: async (program, network) => {
      const { executable, mounts, writable } = await show(program, network);
      const of = (kind: Mount['kind']) =>
        mounts
          .filter((mount) => mount.kind === kind && !SYSTEM_FOLDERS.includes(mount))
          .map(({ path }) => followed(path));
      const access = program.reach.network;
      const [temporary] = program.reach.writable;
      const profile = seatbeltProfile({
        readable: [...of('readable'), ...of('link')],
        writable: of('writable'),
        hidden: of('hidden'),
        network: network === null && typeof access === 'string' ? access : { socket: network?.socket ?? '' },
      });
      const command = [...(network?.relay ?? []), executable, ...program.argv.slice(1)];
      return {
        argv: [sandboxExec, '-p', profile, '/bin/sh', '-c', script, 'sh', ...command],
        // The folder that macOS gives every user is not shown.
        env: temporary === undefined ? program.env : { ...program.env, TMPDIR: temporary },
        writable,
        temporary: [],
      };
    },
  });
}

export interface SeatbeltPlan {
  /** Absolute paths, with every link followed: the kernel compares those. */
  readonly readable: readonly string[];
  readonly writable: readonly string[];
  /** Absolute paths that stay hidden although something above is readable. */
  readonly hidden: readonly string[];
  readonly network: Exclude<NetworkAccess, object> | { readonly socket: string };
}

/** What every program of macOS needs to start: the system, its libraries and settings. */
const SYSTEM = [
  '/System',
  '/usr',
  '/bin',
  '/sbin',
  '/Library',
  '/opt',
  '/private/etc',
  '/private/var/db/timezone',
  '/private/var/select',
  '/dev',
];
const SYSTEM_FILES = ['/', '/etc', '/var', '/tmp', '/private', '/private/var'];
const DEVICES = ['/dev/null', '/dev/zero', '/dev/tty', '/dev/dtracehelper'];

/**
 * A profile for sandbox-exec(1) that means the same as the sandbox of Linux: everything is denied but reading the system and
 * what is readable, and writing to what is writable. The last rule that matches counts.
 */
export function seatbeltProfile({ readable, writable, hidden, network }: SeatbeltPlan): string {
  const lines = [
    '(version 1)',
    '(deny default)',
    '(allow process-exec process-fork)',
    // A program may look at, and end, the processes that are in the same sandbox only.
    '(allow process-info* signal (target same-sandbox))',
    '(allow sysctl-read)',
    '(allow mach-lookup (global-name "com.apple.system.opendirectoryd.libinfo"))',
    '(allow ipc-posix-sem ipc-posix-shm-write-create ipc-posix-shm-write-data ipc-posix-shm-read*)',
    '(allow pseudo-tty)',
    rule('allow file-read*', [...SYSTEM_FILES.map(literal), ...[...SYSTEM, ...readable].map(subpath)]),
    rule('deny file-read* file-write*', hidden.map(subpath)),
    rule('allow file-read* file-write*', writable.map(subpath)),
    rule('allow file-write-data file-ioctl', [...DEVICES.map(literal), '(regex #"^/dev/ttys[0-9]+$")']),
    ...networkRules(network),
  ];
  return `${lines.filter((line) => line !== '').join('\n')}\n`;
}

const rule = (deed: string, filters: readonly string[]): string =>
  filters.length === 0 ? '' : `(${deed}\n  ${filters.join('\n  ')})`;

const quoted = (text: string): string => `"${text.replace(/[\\"]/g, '\\$&')}"`;
const literal = (path: string): string => `(literal ${quoted(path)})`;
const subpath = (path: string): string => `(subpath ${quoted(path)})`;

function networkRules(network: SeatbeltPlan['network']): readonly string[] {
  if (network === 'none') return [];
  if (network === 'full') {
    return ['(allow network*)', '(allow system-socket)', '(allow mach-lookup (global-name "com.apple.dnssd.service"))'];
  }
  return [
    `(allow network-outbound (literal ${quoted(network.socket)}))`,
    // The relay inside listens here.
    '(allow network-bind network-inbound (local ip "localhost:*"))',
    '(allow network-outbound (remote ip "localhost:*"))',
  ];
}
