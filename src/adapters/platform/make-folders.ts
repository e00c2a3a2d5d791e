import { mkdirSync, statSync } from 'node:fs';
import { mkdir, stat } from 'node:fs/promises';
import { dirname } from 'node:path';
import { systemCode } from '../../contracts/errors.js';

/**
 * Makes a folder and what is missing above it, or finds it. Node's own recursive `mkdir` never ends where the file system
 * reports ENOENT inside a folder that exists, as `/proc` does; here each folder is tried twice at most.
 * @returns the topmost folder that was made; undefined when none was
 * @throws the system's error
 */
export async function makeFolders(path: string, mode?: number): Promise<string | undefined> {
  const first = await mkdir(path, { mode }).catch((error: unknown) => ({ error }));
  if (first === undefined) return path;
  if (systemCode(first.error) !== 'ENOENT' || dirname(path) === path) {
    if ((await stat(path).catch(() => null))?.isDirectory() === true) return undefined;
    throw first.error;
  }
  const above = await makeFolders(dirname(path), mode);
  // Another process may have made it meanwhile.
  const last = await mkdir(path, { mode }).catch(async (error: unknown) => {
    if ((await stat(path).catch(() => null))?.isDirectory() !== true) throw error;
    return 'found';
  });
  return above ?? (last === undefined ? path : undefined);
}

/** The same without giving another task the chance to come in between. */
export function makeFoldersSync(path: string, mode?: number): void {
  const isFolder = () => statSync(path, { throwIfNoEntry: false })?.isDirectory() === true;
  try {
    mkdirSync(path, { mode });
  } catch (error) {
    if (systemCode(error) !== 'ENOENT' || dirname(path) === path) {
      if (isFolder()) return;
      throw error;
    }
    makeFoldersSync(dirname(path), mode);
    try {
      mkdirSync(path, { mode });
    } catch (again) {
      if (!isFolder()) throw again;
    }
  }
}
