import type { Readable } from 'node:stream';
import type { SandboxKind } from '../../contracts/names.js';
import type { NetworkAccess } from '../../contracts/worker-config.js';

/** What a sandbox lets one program reach, besides the system's own files and the program's current folder. */
export interface Reach {
  /** Absolute paths of files and folders. */
  readonly readable: readonly string[];
  /** Absolute paths of folders. */
  readonly writable: readonly string[];
  readonly network: NetworkAccess;
}

/** A program to start. */
export interface Program {
  readonly argv: readonly string[];
  /** The whole environment: nothing of this process's own is added. */
  readonly env: Readonly<Record<string, string>>;
  readonly cwd: string;
  /** What the program reads on its standard input; nothing when absent. */
  readonly input?: string | Uint8Array | undefined;
  /** `NAME=value` of the environment, unlike that of any other program: it shows which processes belong to this one. */
  readonly mark?: string | undefined;
  /** A folder that is removed with the program when this process is killed. */
  readonly scratch?: string | undefined;
  /** Read by a sandbox alone; a program of our own, such as git, has none. */
  readonly reach?: Reach | undefined;
}

export interface ProgramEnd {
  readonly code: number | null;
  readonly signal: string | null;
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
}

/** Starts programs: a worker's launcher, or the process itself where it starts a few only. */
export interface ProgramStarter {
  /** @throws ProgramNotStarted; PromptOsError EXECUTOR_LOST */
  start(program: Program): Promise<RunningProgram>;
}

/** Starts programs that are not ours, so that each reaches only what its `reach` says. */
export interface Sandbox extends ProgramStarter {
  readonly kind: SandboxKind;
}

/** The system did not start a program. `code` is the system's, such as `ENOENT`, which means a missing folder too. */
export class ProgramNotStarted extends Error {
  constructor(readonly code: string) {
    super(`the program was not started (${code})`);
  }
}
