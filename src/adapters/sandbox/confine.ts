import { constants } from 'node:os';
import type { SandboxLimits } from '../../contracts/config/sandbox-config.js';
import { PromptOsError } from '../../contracts/errors.js';
import type { SandboxKind } from '../../contracts/names.js';
import { refusedStart } from '../platform/not-started.js';
import type {
  OpenedNetwork,
  OpenNetwork,
  Program,
  ProgramEnd,
  ProgramStarter,
  Reach,
  RunningProgram,
  Sandbox,
} from '../platform/program-starter.js';
import { type LimitWatch, watchLimits } from './limit-watch.js';

/** A program that is not ours. */
export type Confined = Program & { readonly reach: Reach };

/** How a program is started in its sandbox. */
interface CommandLine {
  readonly argv: readonly string[];
  readonly env: Program['env'];
  /** Folders on disk that it may write to. */
  readonly writable: readonly string[];
  /** Folders in memory that it may write to. */
  readonly temporary: readonly string[];
  /** Called when the program has ended, or has not started. */
  readonly ended?: (() => void) | undefined;
}

export interface ConfineOptions {
  readonly kind: SandboxKind;
  /** What starts the sandboxes. */
  readonly programs: ProgramStarter;
  readonly limits: SandboxLimits;
  /** Whether the process that is started guards the program, in place of becoming it. */
  readonly guard: boolean;
  readonly guardInput?: Program['guardInput'];
  /** The command line that starts a program which may read every folder of this user. */
  readonly reader?: readonly string[];
  readonly openNetwork: OpenNetwork | undefined;
  readonly commandLine: (program: Confined, network: OpenedNetwork | null) => Promise<CommandLine>;
}

const isConfined = (program: Program): program is Confined => program.reach !== undefined;

/** Starts each program that has a reach in a sandbox of its own, with its way to the network, and within its limits. */
export function confinePrograms(options: ConfineOptions): Sandbox {
  const { kind, programs, limits, guard, guardInput, openNetwork, commandLine, reader = [] } = options;
  const untilEnded = async (running: RunningProgram, watch: LimitWatch, { ended }: CommandLine) => {
    try {
      return endInside(await running.untilEnded(), watch.stopped(), limits);
    } finally {
      watch.close();
      ended?.();
    }
  };
  const startConfined = async (program: Confined, network: OpenedNetwork | null): Promise<RunningProgram> => {
    const command = await commandLine({ ...program, env: { ...program.env, ...network?.env } }, network);
    const { argv, env, temporary, writable } = command;
    const running = await programs.start({ ...program, argv, env, guard, guardInput }).catch((error: unknown) => {
      command.ended?.();
      throw error;
    });
    const watch = watchLimits({ running, limits, temporary, writable, reader }, programs);
    return { ...running, untilEnded: () => untilEnded(running, watch, command) };
  };
  const start = async (program: Confined): Promise<RunningProgram> => {
    const { network } = program.reach;
    if (typeof network === 'string') return startConfined(program, null);
    if (openNetwork === undefined) throw noProxy(network.hosts);
    const opened = await openNetwork(network.hosts, program);
    const running = await startConfined(program, opened).catch(async (error: unknown) => {
      await opened.close();
      throw error;
    });
    const untilClosed = async (): Promise<ProgramEnd> => {
      const end = await running.untilEnded().catch(async (error: unknown) => {
        await opened.close();
        throw error;
      });
      return { ...end, network: await opened.close() };
    };
    return { ...running, untilEnded: untilClosed };
  };
  return {
    kind,
    start: async (program) => {
      if (!isConfined(program)) return programs.start(program);
      try {
        return await start(program);
      } catch (error) {
        throw refusedStart(error);
      }
    },
  };
}

const noProxy = (hosts: readonly string[]): PromptOsError =>
  new PromptOsError('SANDBOX_UNAVAILABLE', `This sandbox has no way to named hosts (${hosts.join(', ')}).`, {
    hint: 'Say network: none or network: full.',
  });

/** The guard ends with 128 plus the signal that ended the program. */
const SIGNAL_BASE = 128;
/** Those that end a program against its will. A program may well choose the code of another, such as git's 129. */
const FATAL: readonly NodeJS.Signals[] = [
  ...(['SIGILL', 'SIGTRAP', 'SIGABRT', 'SIGBUS', 'SIGFPE', 'SIGKILL', 'SIGSEGV', 'SIGTERM'] as const),
  ...(['SIGXCPU', 'SIGXFSZ', 'SIGSYS'] as const),
];

/** How the program in a sandbox ended, from how its guard did, and why it was stopped. */
function endInside({ code, signal }: ProgramEnd, stopped: string | null, limits: SandboxLimits): ProgramEnd {
  const inside = FATAL.find((name) => code === SIGNAL_BASE + constants.signals[name]);
  const end: ProgramEnd = inside === undefined ? { code, signal } : { code: null, signal: inside };
  const why = stopped ?? kernelLimit(end.signal, limits);
  return why === null ? end : { ...end, stopped: why };
}

function kernelLimit(signal: string | null, { cpu_seconds, file_bytes }: SandboxLimits): string | null {
  if (signal === 'SIGXCPU') return `it used more than ${cpu_seconds} s of processor time (sandbox.limits.cpu_seconds)`;
  if (signal === 'SIGXFSZ') return `it wrote a file of more than ${file_bytes} bytes (sandbox.limits.file_bytes)`;
  return null;
}
