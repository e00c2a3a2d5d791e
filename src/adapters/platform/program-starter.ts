import type { Readable } from 'node:stream';
import type { Content } from '../../contracts/long-bytes.js';
import type { SandboxKind } from '../../contracts/names.js';
import type { NetworkAccess } from '../../contracts/network-access.js';
import type { NetworkLog } from '../../contracts/record/network-log.js';
import type { LaidUnder, LaysUnder } from '../../ports/laid-under.js';

/** What a sandbox lets one program reach, besides the system's own files and the program's current folder. */
export interface Reach {
  /** Absolute paths of files and folders. */
  readonly readable: readonly string[];
  /** Absolute paths of folders. */
  readonly writable: readonly string[];
  readonly network: NetworkAccess;
  /** What is laid under the program's current folder. */
  readonly laidUnder?: LaidUnder | undefined;
}

/** A program to start. */
export interface Program {
  readonly argv: readonly string[];
  /** The whole environment: nothing of this process's own is added. */
  readonly env: Readonly<Record<string, string>>;
  readonly cwd: string;
  /** What the program reads on its standard input; nothing when absent. */
  readonly input?: string | Content | undefined;
  /** `NAME=value` of the environment, unlike that of any other program: it shows which processes belong to this one. */
  readonly mark?: string | undefined;
  /** A folder that is removed with the program when this process is killed. */
  readonly scratch?: string | undefined;
  /** Read by a sandbox alone; a program of our own, such as git, has none. */
  readonly reach?: Reach | undefined;
  /**
   * The program is the guard of a sandbox. It ends with what it guards, so a request to end goes to that alone, and killing the
   * guard kills everything that it guards. On descriptor 3 it writes JSON with the number of the first process inside, as
   * `child-pid`.
   */
  readonly guard?: boolean | undefined;
  /** What the guard reads on descriptor 4, such as a filter of system calls. */
  readonly guardInput?: Uint8Array | undefined;
}

export interface ProgramEnd {
  readonly code: number | null;
  readonly signal: string | null;
  /** Why a sandbox stopped the program, such as "it used more than 1 byte of memory (sandbox.limits.memory_bytes)". */
  readonly stopped?: string | undefined;
  /** What the program asked of the network, where a sandbox lets it reach named hosts. */
  readonly network?: NetworkLog | undefined;
}

/** A program that was started, in a session of its own. */
export interface RunningProgram {
  readonly pid: number;
  readonly stdout: Readable;
  readonly stderr: Readable;
  /**
   * Resolves when the program has ended and its outputs are read to their ends. To be called after the readers are set.
   * @throws PromptOsError EXECUTOR_LOST
   */
  untilEnded(): Promise<ProgramEnd>;
  /** Asks the program and all that it started to end, and kills what still runs two seconds later. */
  stop(): void;
  /** Kills the program and all that it started. */
  kill(): void;
}

/** Starts programs: a worker's launcher, or the process itself where it starts a few only. */
export interface ProgramStarter {
  /** The sandbox that it puts programs with a reach into; absent for one that starts them as they are. */
  readonly kind?: SandboxKind;
  /** Whether it shows a program what is laid under its current folder; absent means that it does not. */
  readonly laysUnder?: LaysUnder;
  /**
   * Whether nothing that a program with a reach started outlives it or this process, and no such program finds another's
   * folders; absent means that something may.
   */
  readonly leavesNothing?: boolean;
  /** @throws ProgramNotStarted; PromptOsError EXECUTOR_LOST */
  start(program: Program): Promise<RunningProgram>;
}

/** Starts programs that are not ours, so that each reaches only what its `reach` says. */
export interface Sandbox extends ProgramStarter {
  readonly kind: SandboxKind;
}

/** The way from the sandbox of one program to the hosts that it may reach. */
export interface OpenedNetwork {
  /** A Unix socket, which the program finds under the same path. It is the only way out of the sandbox. */
  readonly socket: string;
  /** Files that the program finds too, read-only, such as the program of `relay`. */
  readonly readable: readonly string[];
  /**
   * A command line that the program's own is appended to, such as one that listens on the sandbox's loopback and passes
   * everything to the socket. It runs in the sandbox.
   */
  readonly relay: readonly string[];
  /** Added to the program's environment. */
  readonly env: Readonly<Record<string, string>>;
  /** Called when the program has ended, or has not started. @returns what the program asked for */
  close(): Promise<NetworkLog>;
}

/** Opens such a way for one program, before it starts. */
export type OpenNetwork = (hosts: readonly string[], program: Program) => Promise<OpenedNetwork>;

/** The system did not start a program. `code` is the system's, such as `ENOENT`, which means a missing folder too. */
export class ProgramNotStarted extends Error {
  constructor(readonly code: string) {
    super(`the program was not started (${code})`);
  }
}
