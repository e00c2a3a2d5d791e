import { mkdir, stat } from 'node:fs/promises';
import { dirname } from 'node:path';
import { placeFiles, type WholeFile } from '../adapters/platform/durable-files.js';
import { PromptOsError } from '../contracts/errors.js';
import { systemCode } from '../contracts/system-code.js';

const isThere = (path: string): Promise<boolean> =>
  stat(path).then(
    () => true,
    () => false,
  );

const existing = (paths: readonly string[]): PromptOsError =>
  new PromptOsError('FILE_EXISTS', `Nothing was replaced: there is ${paths.join(' and ')} already.`);

/** @throws PromptOsError FILE_EXISTS naming all that are there */
export async function refuseExistingFiles(paths: readonly string[]): Promise<void> {
  const taken = (await Promise.all(paths.map(async (path) => ((await isThere(path)) ? [path] : [])))).flat();
  if (taken.length > 0) throw existing(taken);
}

/**
 * Writes files that a person will own, each whole or not at all. Without `replace` none is ever overwritten, also not by a
 * race.
 * @throws PromptOsError FILE_EXISTS naming all that are there; FILE_NOT_READABLE when the folder cannot be written
 */
export async function writeNewFiles(files: readonly WholeFile[], replace: boolean): Promise<void> {
  if (!replace) await refuseExistingFiles(files.map(({ path }) => path));
  try {
    for (const { path } of files) await mkdir(dirname(path), { recursive: true });
    await placeFiles(files, { replace });
  } catch (error) {
    if (systemCode(error) === 'EEXIST' && error instanceof Error && 'dest' in error)
      throw existing([String(error.dest)]);
    throw new PromptOsError(
      'FILE_NOT_READABLE',
      `${files.map(({ path }) => path).join(', ')}: cannot be written (${systemCode(error) ?? String(error)}).`,
      { cause: error },
    );
  }
}
