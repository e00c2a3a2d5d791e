import { statSync } from 'node:fs';
import { dirname, isAbsolute } from 'node:path';

/**
 * What a program may read since its command line names it: the files, and the folder of each, since scripts import what is beside
 * them. A file beside the worker config brings nothing else along: keys, state and policies are there. A sandbox shows no folder
 * that is more than a program's own, such as a home folder.
 * @param argv as it is run
 * @param configDir the absolute folder of the worker config
 */
export const namedFiles = (argv: readonly string[], configDir: string): readonly string[] => [
  ...new Set(
    argv
      .filter((argument) => isAbsolute(argument) && isFile(argument))
      .flatMap((file) => (dirname(file) === configDir ? [file] : [dirname(file), file])),
  ),
];

function isFile(path: string): boolean {
  try {
    return statSync(path, { throwIfNoEntry: false })?.isFile() ?? false;
  } catch {
    return false;
  }
}
