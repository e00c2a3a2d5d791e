import { lstatSync, readlinkSync, statSync } from 'node:fs';
import { delimiter, isAbsolute, join, relative, resolve } from 'node:path';
import { isProgram } from '../platform/find-program.js';
import { type Program, ProgramNotStarted } from '../platform/program-starter.js';
import { isWithin } from './mounts.js';

/**
 * The absolute path of a program. It is looked for before the sandbox starts, so that a program that is missing can be distinguished from
 * one that failed.
 * @throws ProgramNotStarted with the code that the system would give
 */
export function requireProgram({ argv: [named = ''], env, cwd, reach }: Program): string {
  const program = named.includes('/') ? resolve(cwd, named) : named;
  const places = program.includes('/') ? [program] : (env.PATH ?? '').split(delimiter).map((one) => join(one, program));
  const under = reach?.laidUnder?.files;
  for (const place of places.filter(isAbsolute)) {
    if (isProgram(place)) return place;
    if (under !== undefined && isWithin(place, cwd) && isProgram(seenInside(place, cwd, under))) return place;
  }
  throw new ProgramNotStarted(places.some(exists) ? 'EACCES' : 'ENOENT');
}

/** As many as the kernel follows. */
const MAX_LINKS = 40;

/**
 * The file outside that a path inside leads to. Links lead from what is laid under to the checkout and back, as those of a
 * workspace's packages do, so each part of the path is looked up in both.
 * @param cwd where the files are laid under; without a link in its path
 */
function seenInside(path: string, cwd: string, under: string): string {
  const outside = (place: string): string =>
    isWithin(place, cwd) && !isThere(place) ? join(under, relative(cwd, place)) : place;
  let rest = relative(cwd, path).split('/');
  let at = cwd;
  for (let links = 0; rest.length > 0; ) {
    const [name = '', ...more] = rest;
    const next = join(at, name);
    const target = linkAt(outside(next));
    if (target === null) [at, rest] = [next, more];
    else if (++links > MAX_LINKS) break;
    else [at, rest] = [isAbsolute(target) ? '/' : at, [...target.split('/'), ...more]];
  }
  return outside(at);
}

function linkAt(path: string): string | null {
  try {
    return readlinkSync(path);
  } catch {
    return null;
  }
}

function isThere(path: string): boolean {
  try {
    return lstatSync(path, { throwIfNoEntry: false }) !== undefined;
  } catch {
    return false;
  }
}

/** Also for a folder that may not be entered. */
function exists(path: string): boolean {
  try {
    return statSync(path, { throwIfNoEntry: false }) !== undefined;
  } catch (error) {
    return error instanceof Error && 'code' in error && error.code === 'EACCES';
  }
}
