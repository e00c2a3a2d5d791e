import { tmpdir } from 'node:os';
import type { SandboxKind } from '../../contracts/names.js';
import { createDirectStarter } from '../platform/direct-starter.js';
import { findProgram, isProgram } from '../platform/find-program.js';
import { runProgram } from '../platform/run-program.js';

/** The sandbox that this machine has, or why it has none and what would change that. */
export type SandboxAvailability =
  | {
      readonly kind: Exclude<SandboxKind, 'none'>;
      /** The absolute path of the program that makes the sandbox. */
      readonly program: string;
      /** Null where the program does not print one. */
      readonly version: string | null;
    }
  | {
      readonly kind: 'none';
      /** Without a full stop. */
      readonly reason: string;
      /** A whole sentence. */
      readonly install: string;
    };

export interface SandboxSearch {
  /** The `PATH` in which bubblewrap is looked for. */
  readonly path: string | undefined;
  /** As `process.platform` has it; this machine's when absent. */
  readonly platform?: NodeJS.Platform;
}

const SANDBOX_EXEC = '/usr/bin/sandbox-exec';
const TIMEOUT_MS = 10_000;
const MAX_OUTPUT_BYTES = 64 * 1_024;

const INSTALL_BUBBLEWRAP =
  'Install bubblewrap 0.5 or newer with the package manager: `apt-get install bubblewrap`, `dnf install bubblewrap` or `apk add bubblewrap`.';
const ALLOW_NAMESPACES =
  'Allow namespaces: `sysctl user.max_user_namespaces` must not be 0, AppArmor must not restrict them for bwrap, and a container needs a seccomp profile that permits them; docs/sandbox.md has the settings.';
const NO_SANDBOX_HERE = 'Run the worker on Linux or macOS.';

/** Looks for the sandbox of this machine, and tries whether it can be started. */
export async function findSandbox({ path, platform = process.platform }: SandboxSearch): Promise<SandboxAvailability> {
  if (platform === 'darwin') {
    return (await isProgram(SANDBOX_EXEC))
      ? { kind: 'sandbox-exec', program: SANDBOX_EXEC, version: null }
      : { kind: 'none', reason: `there is no ${SANDBOX_EXEC}`, install: 'It is part of macOS; restore it.' };
  }
  if (platform !== 'linux') {
    return { kind: 'none', reason: `there is no sandbox for ${platform}`, install: NO_SANDBOX_HERE };
  }
  const program = await findProgram('bwrap', path);
  if (program === null) return { kind: 'none', reason: 'bubblewrap is not installed', install: INSTALL_BUBBLEWRAP };
  const version = /^bubblewrap (\S+)/.exec((await printed([program, '--version'])).stdout)?.[1];
  if (version === undefined) {
    return {
      kind: 'none',
      reason: `${program} does not answer --version as bubblewrap does`,
      install: INSTALL_BUBBLEWRAP,
    };
  }
  const tried = await printed([program, ...EMPTY_BOX, program, '--version']);
  if (tried.ended) return { kind: 'bubblewrap', program, version };
  const why = tried.stderr.split('\n')[0]?.trim() || 'it did not say why';
  return { kind: 'none', reason: `bubblewrap ${version} cannot make namespaces: ${why}`, install: ALLOW_NAMESPACES };
}

/** Every namespace that the sandbox of executors and checks needs. */
const EMPTY_BOX = [
  ...['--unshare-user', '--unshare-pid', '--unshare-ipc', '--unshare-uts', '--unshare-net', '--die-with-parent'],
  ...['--ro-bind', '/', '/', '--proc', '/proc', '--dev', '/dev', '--'],
];

/** What a short program printed, and whether it ended with exit code 0. */
async function printed(argv: readonly string[]) {
  const result = await runProgram(createDirectStarter('session'), {
    argv,
    env: {},
    cwd: tmpdir(),
    timeout_ms: TIMEOUT_MS,
    max_output_bytes: MAX_OUTPUT_BYTES,
    max_stderr_bytes: MAX_OUTPUT_BYTES,
    signal: new AbortController().signal,
  });
  if (result.kind === 'not_started') return { stdout: '', stderr: result.code, ended: false };
  const text = (bytes: Uint8Array) => new TextDecoder().decode(bytes);
  return {
    stdout: text(result.stdout),
    stderr: text(result.stderr),
    ended: result.ended_by === 'itself' && result.exit_code === 0,
  };
}
