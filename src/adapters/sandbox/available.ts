import { DEFAULT_SANDBOX } from '../../contracts/config/sandbox-config.js';
import type { SandboxKind } from '../../contracts/names.js';
import type { LaysUnder } from '../../ports/laid-under.js';
import { findProgram } from '../platform/find-program.js';
import { createLauncher } from '../platform/launcher.js';
import type { ProgramStarter } from '../platform/program-starter.js';
import { runProgram } from '../platform/run-program.js';
import type { LaidUnderPlaces } from './laid-under.js';
import { openSandbox, SandboxUnavailable } from './open-sandbox.js';

/** The sandbox that this machine has, or why it has none and what would change that. */
export type SandboxAvailability =
  | {
      readonly kind: Exclude<SandboxKind, 'none'>;
      /** The path of the program that makes the sandbox. */
      readonly program: string;
      /** As the program says it; null where it says none. */
      readonly version: string | null;
      /** Whether it shows programs what is laid under their checkouts. */
      readonly laysUnder: LaysUnder;
    }
  | {
      readonly kind: 'none';
      /** Without a full stop. */
      readonly reason: string;
      /** A whole sentence. */
      readonly install: string;
    };

export interface SandboxSearch {
  /** The PATH on which the sandbox's own programs are looked for. */
  readonly path: string | undefined;
  /** Tries too whether it lays files under checkouts there. */
  readonly laidUnder?: LaidUnderPlaces;
  /** The operating system; this machine's when absent. */
  readonly platform?: NodeJS.Platform;
}

/** Asks as a worker does: a sandbox is opened, and tried. For commands that start no worker. */
export async function findSandbox({
  path,
  platform = process.platform,
  laidUnder,
}: SandboxSearch): Promise<SandboxAvailability> {
  // The guard of a sandbox needs a descriptor more than a program that is started directly has.
  const programs = createLauncher(path);
  try {
    const { kind, laysUnder = NOT_THERE } = await openSandbox(DEFAULT_SANDBOX, { programs, path, platform, laidUnder });
    if (kind === 'none') throw new SandboxUnavailable('The default sandbox is none', '');
    const name = kind === 'bubblewrap' ? 'bwrap' : kind;
    const program = findProgram(name, path) ?? name;
    return { kind, program, version: kind === 'bubblewrap' ? await versionOf(program, programs) : null, laysUnder };
  } catch (error) {
    if (!(error instanceof SandboxUnavailable)) throw error;
    return { kind: 'none', reason: error.what, install: error.install };
  } finally {
    await programs.close();
  }
}

const NOT_THERE: LaysUnder = { ok: false, reason: 'this kind of sandbox cannot' };

async function versionOf(bwrap: string, programs: ProgramStarter): Promise<string | null> {
  const result = await runProgram(programs, {
    argv: [bwrap, '--version'],
    env: {},
    cwd: '/',
    timeout_ms: 10_000,
    max_output_bytes: 10_000,
    max_stderr_bytes: 10_000,
    signal: new AbortController().signal,
  });
  const printed = result.kind === 'ended' ? new TextDecoder().decode(result.stdout) : '';
  return /^bubblewrap (\S+)/.exec(printed)?.[1] ?? null;
}
