import { statSync } from 'node:fs';
import { dirname, isAbsolute, relative } from 'node:path';

/**
 * What a program may read since its command line names it: the files, and of a file in a folder below the worker config's
 * own the whole folder, since scripts import what is beside them. A file beside the worker config brings nothing else along:
 * keys, state and policies are there.
 * @param argv as it is run
 * @param configDir the absolute folder of the worker config
 */
export const namedFiles = (argv: readonly string[], configDir: string): readonly string[] => [
  ...new Set(
    argv
      .filter((argument) => isAbsolute(argument) && isFile(argument))
      .map((file) => (isBelow(dirname(file), configDir) ? dirname(file) : file)),
  ),
];

function isFile(path: string): boolean {
  try {
    return statSync(path, { throwIfNoEntry: false })?.isFile() ?? false;
  } catch {
    return false;
  }
}

function isBelow(folder: string, top: string): boolean {
  const way = relative(top, folder);
  return way !== '' && way !== '..' && !way.startsWith('../') && !isAbsolute(way);
}
