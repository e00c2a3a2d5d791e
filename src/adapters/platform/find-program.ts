import { accessSync, constants, statSync } from 'node:fs';
import { stat } from 'node:fs/promises';
import { delimiter, isAbsolute, join } from 'node:path';

/** Whether a path is a file that this process may execute. */
export function isProgram(path: string): boolean {
  try {
    if (statSync(path, { throwIfNoEntry: false })?.isFile() !== true) return false;
    accessSync(path, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}

/** Relative entries of PATH are skipped: the current folder belongs to the author of the repository. */
const placesOf = (program: string, path = ''): readonly string[] =>
  (program.includes('/') ? [program] : path.split(delimiter).map((folder) => join(folder, program))).filter(isAbsolute);

/**
 * The absolute path of a program, or null. A bare name is looked for in the absolute entries of `path`, as executors
 * and checks are started; anything with a slash must be absolute.
 */
export const findProgram = (program: string, path: string | undefined): string | null =>
  placesOf(program, path).find(isProgram) ?? null;

/** Why a program that was not found cannot be run: it does not exist, or this user may not run it. */
export async function whyNoProgram(program: string, path: string | undefined): Promise<string> {
  for (const place of placesOf(program, path)) {
    const found = await stat(place).catch((error: NodeJS.ErrnoException) => error.code);
    if (found === 'EACCES') return `${place} is in a folder that this user may not enter`;
    if (typeof found !== 'object') continue;
    if (!found.isFile()) return `${place} is no program`;
    return `${place} exists, and this user may not run it: its mode is ${(found.mode & 0o7777).toString(8).padStart(4, '0')}`;
  }
  return `there is no program ${program}`;
}
