import { randomUUID } from 'node:crypto';
import { link, mkdir, rename, rm, stat, writeFile } from 'node:fs/promises';
import { dirname } from 'node:path';
import { PromptOsError } from '../contracts/errors.js';
import { systemCode } from './read-file.js';

/** A file that is to be written whole or not at all. */
export interface NewFile {
  readonly path: string;
  readonly text: string;
}

const isThere = (path: string): Promise<boolean> =>
  stat(path).then(
    () => true,
    () => false,
  );

const existing = (paths: readonly string[]): PromptOsError =>
  new PromptOsError('FILE_EXISTS', `Nothing was replaced: there is ${paths.join(' and ')} already.`);

/** Puts a finished file where it belongs: a link fails where a file is, a rename replaces it. */
async function place(temporary: string, path: string, replace: boolean): Promise<void> {
  if (replace) return rename(temporary, path);
  try {
    await link(temporary, path);
  } catch (error) {
    throw systemCode(error) === 'EEXIST' ? existing([path]) : error;
  }
}

/** @throws PromptOsError FILE_EXISTS naming all that are there */
export async function refuseExistingFiles(paths: readonly string[]): Promise<void> {
  const taken = (await Promise.all(paths.map(async (path) => ((await isThere(path)) ? [path] : [])))).flat();
  if (taken.length > 0) throw existing(taken);
}

/**
 * Writes files that a person will own. Without `replace` none is ever overwritten, also not by a race.
 * @throws PromptOsError FILE_EXISTS naming all that are there; FILE_NOT_READABLE when the folder cannot be written
 */
export async function writeNewFiles(files: readonly NewFile[], replace: boolean): Promise<void> {
  if (!replace) await refuseExistingFiles(files.map(({ path }) => path));
  const staged = files.map((file) => ({ ...file, temporary: `${file.path}.${randomUUID()}.tmp` }));
  try {
    for (const { path, text, temporary } of staged) {
      await mkdir(dirname(path), { recursive: true });
      await writeFile(temporary, text, { flag: 'wx' });
    }
    for (const { path, temporary } of staged) {
      await place(temporary, path, replace);
    }
  } catch (error) {
    if (error instanceof PromptOsError) throw error;
    throw new PromptOsError(
      'FILE_NOT_READABLE',
      `${files.map(({ path }) => path).join(', ')}: cannot be written (${systemCode(error) ?? String(error)}).`,
      { cause: error },
    );
  } finally {
    // What went wrong before matters more than a temporary file that cannot be removed.
    await Promise.allSettled(staged.map(({ temporary }) => rm(temporary, { force: true })));
  }
}
