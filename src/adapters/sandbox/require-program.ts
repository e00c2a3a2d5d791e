import { statSync } from 'node:fs';
import { delimiter, join, resolve } from 'node:path';
import { findProgram } from '../platform/find-program.js';
import { type Program, ProgramNotStarted } from '../platform/program-starter.js';

/**
 * The absolute path of a program. It is looked for before the sandbox starts, so that a program that is missing can be distinguished from
 * one that failed.
 * @throws ProgramNotStarted with the code that the system would give
 */
export async function requireProgram({ argv: [named = ''], env, cwd }: Program): Promise<string> {
  const program = named.includes('/') ? resolve(cwd, named) : named;
  const found = await findProgram(program, env.PATH);
  if (found !== null) return found;
  const places = program.includes('/') ? [program] : (env.PATH ?? '').split(delimiter).map((one) => join(one, program));
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
