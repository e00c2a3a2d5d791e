import type { NetworkAccess } from '../../contracts/network-access.js';

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
