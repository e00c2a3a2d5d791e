import { statSync } from 'node:fs';
import { delimiter, isAbsolute, join, relative, resolve } from 'node:path';
import { isProgram } from '../platform/find-program.js';
import { type Program, ProgramNotStarted } from '../platform/program-starter.js';
import { isWithin } from './mounts.js';

/**
 * The absolute path of a program. It is looked for before the sandbox starts, so that a program that is missing can be distinguished from
 * one that failed.
 * @throws ProgramNotStarted with the code that the system would give
 */
export async function requireProgram({ argv: [named = ''], env, cwd, reach }: Program): Promise<string> {
  const program = named.includes('/') ? resolve(cwd, named) : named;
  const places = program.includes('/') ? [program] : (env.PATH ?? '').split(delimiter).map((one) => join(one, program));
  const under = reach?.laidUnder?.files;
  for (const place of places.filter(isAbsolute)) {
    if (await isProgram(place)) return place;
    const isUnder = under !== undefined && isWithin(place, cwd) && !exists(place);
    if (isUnder && (await isProgram(join(under, relative(cwd, place))))) return place;
  }
  throw new ProgramNotStarted(places.some(exists) ? 'EACCES' : 'ENOENT');
}

/** Also for a folder that may not be entered. */
function exists(path: string): boolean {
  try {
    return statSync(path, { throwIfNoEntry: false }) !== undefined;
  } catch (error) {
    return error instanceof Error && 'code' in error && error.code === 'EACCES';
  }
}
