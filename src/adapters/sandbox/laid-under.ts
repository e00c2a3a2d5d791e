import { mkdirSync, readFileSync, realpathSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { LaidUnder, LaysUnder } from '../../ports/laid-under.js';
import { makePassingFolder, removeFolder } from '../platform/leftovers.js';
import { ensureOwnFolder } from '../platform/own-folder.js';
import type { Program, ProgramStarter } from '../platform/program-starter.js';
import { runProgram } from '../platform/run-program.js';

/** The programs that mount a folder, as absolute paths. */
export interface MountPrograms {
  readonly unshare: string;
  readonly mount: string;
}

/**
 * Each folder is named by a descriptor that `mount` alone has: its path needs no escapes, and the table of mounts, which the
 * program can read, does not say where it is.
 */
const MOUNT = [
  '"$0" -n -t overlay overlay',
  '-o lowerdir=/proc/self/fd/7,upperdir=/proc/self/fd/8,workdir=/proc/self/fd/9,userxattr',
  '"$1" 7<"$2" 8<"$1" 9<"$3" && shift 3 && exec "$@"',
].join(' ');

/**
 * The command line that shows a folder with other files under it to the command line of a sandbox and to no other: in
 * namespaces of its own, where this user is root. What is written goes to the folder.
 */
export const withLaidUnder = (
  { unshare, mount }: MountPrograms,
  folder: string,
  { files, work }: LaidUnder,
  argv: readonly string[],
): readonly string[] => [
  ...[unshare, '--user', '--map-root-user', '--mount', '--propagation', 'private', '--'],
  ...['/bin/sh', '-c', MOUNT, mount, folder, files, work, ...argv],
];

/** Where files that are laid under are kept, and where they are laid under others; absolute. */
export interface LaidUnderPlaces {
  readonly kept: string;
  readonly checkouts: string;
}

/** Those of a worker. @param stateDir absolute */
export const laidUnderPlaces = (stateDir: string): LaidUnderPlaces => ({
  kept: stateDir,
  checkouts: realpathSync(tmpdir()),
});

const TRIAL = [
  // What is under shows, is written in the folder alone, and can be removed and replaced.
  'read -r found <under && test "$found" = kept && echo new >under && echo new >folder/file',
  // A file of a folder that was removed must not come back with a new one.
  'rm -r other && mkdir other && test ! -e other/file',
].join(' && ');

/**
 * Tries it once, with a sandbox around, on the file systems that a worker uses.
 * @param within the command line of a sandbox that runs a shell script in a folder
 */
export async function tryLaidUnder(
  programs: ProgramStarter,
  tools: MountPrograms | null,
  { kept, checkouts }: LaidUnderPlaces,
  within: (folder: string, argv: readonly string[]) => Pick<Program, 'argv' | 'guardInput'>,
): Promise<LaysUnder> {
  if (tools === null) return { ok: false, reason: 'there are no programs unshare and mount' };
  const made: string[] = [];
  const make = async (parent: string): Promise<string> => {
    const folder = await makePassingFolder(parent, 'promptos-laid-under');
    made.push(folder);
    return folder;
  };
  try {
    ensureOwnFolder(kept);
    const [files, folder, work] = [await make(kept), await make(checkouts), await make(checkouts)];
    for (const name of ['folder', 'other']) {
      mkdirSync(join(files, name));
      writeFileSync(join(files, name, 'file'), 'kept\n');
    }
    writeFileSync(join(files, 'under'), 'kept\n');
    const { argv, guardInput } = within(folder, ['/bin/sh', '-c', TRIAL]);
    const problem = await run(programs, { argv: withLaidUnder(tools, folder, { files, work }, argv), guardInput });
    if (problem !== null) return { ok: false, reason: problem };
    const intact = ['under', 'folder/file', 'other/file'].every(
      (name) => readFileSync(join(files, name), 'latin1') === 'kept\n',
    );
    const isWritten = ['under', 'folder/file'].every((name) => readFileSync(join(folder, name), 'latin1') === 'new\n');
    return intact && isWritten ? { ok: true } : { ok: false, reason: 'what a program writes goes to the wrong folder' };
  } catch (error) {
    return { ok: false, reason: error instanceof Error ? error.message : String(error) };
  } finally {
    for (const folder of made) await removeFolder(folder).catch(() => undefined);
  }
}

const TRIAL_MS = 10_000;

/** @returns in one line, why the trial failed; null when it did not */
async function run(programs: ProgramStarter, program: Pick<Program, 'argv' | 'guardInput'>): Promise<string | null> {
  const result = await runProgram(programs, {
    ...program,
    guard: true,
    env: { PATH: '/usr/bin:/bin', LC_ALL: 'C' },
    cwd: '/',
    timeout_ms: TRIAL_MS,
    max_output_bytes: 10_000,
    max_stderr_bytes: 10_000,
    signal: new AbortController().signal,
  });
  if (result.kind === 'not_started') return `it was not started (${result.code})`;
  if (result.exit_code === 0) return null;
  const said = new TextDecoder().decode(result.stderr).trim().split('\n')[0];
  return said || `it ended with ${result.signal ?? result.exit_code}`;
}
