import { existsSync } from 'node:fs';
import { delimiter } from 'node:path';
import type { SandboxConfig, SandboxLimits } from '../../contracts/config/sandbox-config.js';
import { PromptOsError } from '../../contracts/errors.js';
import type { NetworkAccess } from '../../contracts/network-access.js';
import type { LaysUnder } from '../../ports/laid-under.js';
import { findProgram } from '../platform/find-program.js';
import { homeFolder } from '../platform/home-folder.js';
import { type OpenNetwork, ProgramNotStarted, type ProgramStarter, type Sandbox } from '../platform/program-starter.js';
import { type BubblewrapOptions, createBubblewrap, ownUser } from './bubblewrap.js';
import { type BubblewrapPlan, type BubblewrapPrograms, bubblewrapArguments } from './bubblewrap-arguments.js';
import { confinePrograms } from './confine.js';
import { type LaidUnderPlaces, type MountPrograms, tryLaidUnder } from './laid-under.js';
import { followed, isWithin, type Mount } from './mounts.js';
import { createShownFiles, type ShownFilesOptions } from './shown-files.js';
import { systemCallFilter } from './system-call-filter.js';
import { readSystemFiles, type SystemFiles } from './system-files.js';

export interface SandboxOptions {
  /** What starts the programs, such as a launcher. */
  readonly programs: ProgramStarter;
  /** The PATH on which the sandbox's own programs are looked for. */
  readonly path: string | undefined;
  /** Absolute paths of which no program sees anything, such as state, store and keys. */
  readonly secret?: readonly string[];
  /** Absolute paths of the repositories, which no program sees as a whole. */
  readonly repositories?: readonly string[];
  /** How a program gets to named hosts; without it such a program is refused. */
  readonly openNetwork?: OpenNetwork | undefined;
  /** Where files are that are laid under checkouts; without it no program is shown any. */
  readonly laidUnder?: LaidUnderPlaces | undefined;
  /** The operating system; this machine's when absent. */
  readonly platform?: NodeJS.Platform;
}

/**
 * The sandbox of a worker config, tried once.
 * @throws PromptOsError SANDBOX_UNAVAILABLE; WORKER_CONFIG_INVALID for a readable path that cannot be shown
 */
export async function openSandbox(config: SandboxConfig, options: SandboxOptions): Promise<Sandbox> {
  const { programs, path, secret = [], repositories = [], openNetwork, platform = process.platform } = options;
  const { laidUnder } = options;
  if (config === 'none') return { kind: 'none', start: (program) => programs.start(program) };
  const { readable, limits } = config;
  for (const one of readable) requireReadable(one, [...secret, ...repositories]);
  const common = { programs, readable, limits, secret, repositories, home: homeFolder(), openNetwork };
  if (platform === 'darwin') {
    const [sandboxExec] = await findTools(['sandbox-exec'], path, 'macOS has it in /usr/bin.');
    return createSandboxExec({ ...common, sandboxExec });
  }
  if (platform !== 'linux')
    throw unavailable(`There is no sandbox for ${platform}`, 'Run the worker on Linux or macOS.');
  const system = await readSystemFiles();
  const [bwrap] = await findTools(['bwrap'], path, INSTALL);
  // These two run inside: one of a package manager in a home folder does not exist there.
  const [prlimit, setsid] = await findTools(['prlimit', 'setsid'], pathOfSystem(path, system), INSTALL);
  const tools = { bwrap, prlimit, setsid, filter: systemCallFilter() };
  const bubblewrap = { ...common, tools, system };
  await tryBubblewrap(bubblewrap);
  const mountTools = await findMountTools(pathOfSystem(path, system));
  const laysUnder = laidUnder === undefined ? NOT_ASKED : await tryMount(bubblewrap, mountTools, laidUnder);
  return createBubblewrap({ ...bubblewrap, mountTools, laysUnder });
}

const NOT_ASKED: LaysUnder = { ok: false, reason: 'it was not asked for' };

async function findMountTools(path: string): Promise<MountPrograms | null> {
  const [unshare, mount] = ['unshare', 'mount'].map((name) => findProgram(name, path));
  return unshare && mount ? { unshare, mount } : null;
}

/** The folders of a PATH that every program sees, and where the system has its own programs. */
const pathOfSystem = (path: string | undefined, { isShown }: SystemFiles): string =>
  [...(path ?? '').split(delimiter), '/usr/bin', '/bin'].filter((entry) => isShown(followed(entry))).join(delimiter);

const INSTALL = 'Install bubblewrap and util-linux (apt-get install bubblewrap util-linux; dnf install bubblewrap).';
const UPDATE = 'Install bubblewrap 0.8.0 or later.';
const ALLOW =
  'Let this user make user namespaces: sysctl kernel.unprivileged_userns_clone=1 (Debian), ' +
  'kernel.apparmor_restrict_unprivileged_userns=0 or an AppArmor profile for bwrap (Ubuntu 24.04 and later), ' +
  'user.max_user_namespaces above 0; in a container, allow them and an unmasked /proc (docs/sandbox.md).';

export class SandboxUnavailable extends PromptOsError {
  /**
   * @param what is missing, without a full stop
   * @param install what would change that, as whole sentences
   */
  constructor(
    readonly what: string,
    readonly install: string,
  ) {
    const hint = `${install} To run programs without a sandbox, say sandbox: none in the worker config.`;
    super('SANDBOX_UNAVAILABLE', `${what}.`, { hint });
  }
}

const unavailable = (what: string, install: string): SandboxUnavailable => new SandboxUnavailable(what, install);

async function findTools<const Names extends readonly string[]>(
  names: Names,
  path: string | undefined,
  hint: string,
): Promise<{ readonly [Index in keyof Names]: string }> {
  const found: string[] = [];
  for (const name of names) {
    const program = findProgram(name, path);
    if (program === null) throw unavailable(`There is no program ${name} on PATH`, hint);
    found.push(program);
  }
  return found as { readonly [Index in keyof Names]: string };
}

/** Each sandbox has its own; of the machine's, programs of the same user could read what other processes hold. */
const OF_THE_KERNEL = ['/proc', '/sys', '/dev'];

function readableProblem(path: string, hidden: readonly string[]): string | null {
  if (!existsSync(path)) return 'does not exist';
  const real = followed(path);
  if (real === '/' || OF_THE_KERNEL.some((folder) => isWithin(real, folder))) return 'cannot be shown in a sandbox';
  return hidden.some((one) => isWithin(real, followed(one)))
    ? 'is hidden from programs: it belongs to the state, the store, the keys or a repository of this worker'
    : null;
}

function requireReadable(path: string, hidden: readonly string[]): void {
  const problem = readableProblem(path, hidden);
  if (problem !== null) throw new PromptOsError('WORKER_CONFIG_INVALID', `sandbox.readable: ${path} ${problem}.`);
}

/** What worked once in this process, by bwrap's path. */
const tried = new Set<string>();

/** Starts a program in a sandbox that has nothing but the system. */
async function tryBubblewrap({ programs, tools, ...more }: TriedOptions): Promise<void> {
  if (tried.has(tools.bwrap)) return;
  const problem = await trial(programs, tools, trialPlan(more));
  const hint = problem?.includes('Unknown option') ? UPDATE : ALLOW;
  if (problem !== null) throw unavailable(`bubblewrap cannot make a sandbox here: ${problem}`, hint);
  tried.add(tools.bwrap);
}

type TriedOptions = Pick<BubblewrapOptions, 'programs' | 'tools' | 'system' | 'limits'>;

const trialPlan = ({ system, limits }: Pick<TriedOptions, 'system' | 'limits'>): BubblewrapPlan => ({
  mounts: system.mounts,
  directory: '/',
  environment: {},
  temporary: ['/tmp'],
  temporaryBytes: limits.memory_bytes,
  user: null,
  hostNetwork: false,
  limits: [],
  argv: ['true'],
});

/** What came of it in this process, by places: file systems do not change while a worker runs. */
const triedMounts = new Map<string, Promise<LaysUnder>>();

function tryMount(
  { programs, tools, ...more }: TriedOptions,
  mountTools: MountPrograms | null,
  places: LaidUnderPlaces,
): Promise<LaysUnder> {
  const key = JSON.stringify([tools.bwrap, places]);
  const known = triedMounts.get(key);
  if (known !== undefined) return known;
  const plan = trialPlan(more);
  const found = tryLaidUnder(programs, mountTools, places, (directory, argv) => ({
    argv: bubblewrapArguments(tools, {
      ...plan,
      mounts: [...plan.mounts, { kind: 'writable', path: directory }],
      ...{ directory, argv, user: ownUser() },
    }),
    guardInput: tools.filter?.program,
  }));
  triedMounts.set(key, found);
  return found;
}

async function trial(
  programs: ProgramStarter,
  tools: BubblewrapPrograms,
  plan: BubblewrapPlan,
): Promise<string | null> {
  try {
    const env = { PATH: '/usr/bin:/bin' };
    const guardInput = tools.filter?.program;
    const argv = bubblewrapArguments(tools, plan);
    const running = await programs.start({ argv, env, cwd: '/', guard: true, guardInput });
    let words = '';
    running.stderr.setEncoding('utf8').on('data', (chunk: string) => {
      words = `${words}${chunk}`.slice(0, 1_000);
    });
    running.stdout.resume();
    const { code, signal } = await running.untilEnded();
    return code === 0 ? null : words.trim().replaceAll('\n', '; ') || `it ended with ${signal ?? code}`;
  } catch (error) {
    if (error instanceof ProgramNotStarted) return `it was not started (${error.code})`;
    throw error;
  }
}

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
function createSandboxExec(options: SandboxExecOptions): Sandbox {
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
