import { accessSync, constants, existsSync, statSync } from 'node:fs';
import { basename, delimiter, join, resolve } from 'node:path';
import { PromptOsError, systemCode } from '../../contracts/errors.js';
import { ProgramNotStarted } from './program-starter.js';

/** What the system says of a program that is missing. */
const MISSING_CODES: readonly string[] = ['ENOENT', 'ENOTDIR', 'ELOOP'];
/** What it says of one that exists, and that this user may not run or that is none. */
const REFUSED_CODES: readonly string[] = ['EACCES', 'EPERM', 'ENOEXEC', 'EISDIR'];

/** A command that the system did not start. */
export interface FailedStart {
  /** What the system said, such as `ENOENT`, which means a missing folder as well as a missing program. */
  readonly code: string;
  /** The program as it was given to the system: a path, which may be relative to the folder, or a name that PATH was searched for. */
  readonly program: string;
  readonly directory: string;
  /** The PATH that was searched. */
  readonly path: string | undefined;
}

/** Why a command did not start, as one sentence, and what is at fault. */
export interface NotStarted {
  readonly fault: 'missing_program' | 'refused_program' | 'surroundings';
  readonly reason: string;
}

/**
 * The error for what the system refused around a program's start, such as a folder for temporary files: the next try may
 * find it mended. Any other error is given back as it is. Names no folder: the sentence goes into a record that others read.
 */
export function refusedStart(error: unknown): unknown {
  const code = error instanceof ProgramNotStarted ? null : systemCode(error);
  if (code === null) return error;
  return new PromptOsError('EXECUTOR_LOST', `A program could not be started (${code}).`, {
    cause: error,
    hint: 'Check the folder that TMPDIR names (/tmp without it), its disk, and `ulimit -a`; a gate is tried again by itself.',
  });
}

/** Names no folder: the sentence goes into a record that others read. */
export function explainNotStarted({ code, program, directory, path }: FailedStart): NotStarted {
  const name = basename(program);
  if (!existsSync(directory)) {
    return { fault: 'surroundings', reason: `"${name}" was not started: its folder does not exist (${code}).` };
  }
  if (REFUSED_CODES.includes(code) && !mayEnter(directory)) {
    return { fault: 'surroundings', reason: `"${name}" was not started: its folder may not be entered (${code}).` };
  }
  if (MISSING_CODES.includes(code)) {
    return { fault: 'missing_program', reason: `The program "${name}" does not exist (${code}).` };
  }
  if (!REFUSED_CODES.includes(code)) {
    return { fault: 'surroundings', reason: `The program "${name}" could not be started (${code}).` };
  }
  const found = program.includes('/')
    ? describeFile(resolve(directory, program))
    : describeFirstIn(path ?? '', program);
  const reason =
    found === null
      ? `The program "${name}" was not found, and a folder of PATH may not be read by this worker (${code}).`
      : `The program "${name}" exists, and this worker may not run it (${code}): ${found}.`;
  return { fault: 'refused_program', reason };
}

function mayEnter(directory: string): boolean {
  try {
    accessSync(directory, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}

const describeFirstIn = (path: string, program: string): string | null =>
  path
    .split(delimiter)
    .map((folder) => describeFile(join(folder, program)))
    .find((found) => found !== null) ?? null;

/** What a person needs to mend the file's permissions, or null when nothing can be learned of it. */
function describeFile(path: string): string | null {
  try {
    const { mode, uid } = statSync(path);
    if ((mode & constants.S_IFMT) === constants.S_IFDIR) return 'it is a folder';
    const permissions = (mode & 0o7777).toString(8).padStart(4, '0');
    return `its mode is ${permissions} and its owner ${uid}, the worker is user ${process.getuid?.() ?? 'unknown'}`;
  } catch {
    return null;
  }
}
