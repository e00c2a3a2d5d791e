import { realpath, stat } from 'node:fs/promises';
import { findProgram } from '../../platform/find-program.js';
import type { ProgramStarter } from '../../platform/program-starter.js';
import { runProgram } from '../../platform/run-program.js';
import { type Scratch, withScratch } from '../../platform/scratch.js';

/** How an agent is asked for its version. */
export interface VersionProbe {
  readonly programs: ProgramStarter;
  readonly argv: readonly [string, ...string[]];
  readonly env: Readonly<Record<string, string>>;
  readonly scratchRoot: string;
  readonly signal: AbortSignal;
}

const TIMEOUT_MS = 60_000;
const MAX_OUTPUT_BYTES = 64 * 1_024;
const VERSION = /\d+\.\d+(?:\.\d+)?(?:[-+][0-9A-Za-z.+-]*[0-9A-Za-z])?/;

/** Versions by the program's path and the identity of its file: an agent that updates itself is asked again. */
const known = new Map<string, string>();

/** What an agent says its version is, asked once for each state of its program; null when it does not say. */
export async function agentVersion(probe: VersionProbe): Promise<string | null> {
  const [program, ...rest] = probe.argv;
  const path = findProgram(program, probe.env.PATH);
  if (path === null) return null;
  const { ino, mtimeMs, size } = await stat(path);
  const identity = [path, await realpath(path), ino, mtimeMs, size, ...rest].join('\n');
  const before = known.get(identity);
  if (before !== undefined) return before;
  const { scratchRoot, programs } = probe;
  const version = await withScratch(scratchRoot, programs, (scratch) => askVersion(probe, [path, ...rest], scratch));
  if (version !== null) known.set(identity, version);
  return version;
}

async function askVersion(
  { programs, env, signal }: VersionProbe,
  argv: readonly string[],
  scratch: Scratch,
): Promise<string | null> {
  const result = await runProgram(programs, {
    argv,
    env: { ...env, HOME: scratch.home, PROMPTOS_SCRATCH: scratch.files },
    mark: `PROMPTOS_SCRATCH=${scratch.files}`,
    cwd: scratch.files,
    timeout_ms: TIMEOUT_MS,
    max_output_bytes: MAX_OUTPUT_BYTES,
    max_stderr_bytes: MAX_OUTPUT_BYTES,
    scratch: scratch.root,
    reach: { readable: [], writable: [scratch.root], network: 'none' },
    signal,
  });
  if (result.kind !== 'ended' || result.ended_by !== 'itself' || result.exit_code !== 0) return null;
  return VERSION.exec(new TextDecoder().decode(result.stdout))?.[0].slice(0, 100) ?? null;
}
