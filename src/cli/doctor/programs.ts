import { constants } from 'node:fs';
import { access, stat } from 'node:fs/promises';
import { delimiter, isAbsolute, join } from 'node:path';

const isProgram = async (path: string): Promise<boolean> => {
  try {
    await access(path, constants.X_OK);
    return (await stat(path)).isFile();
  } catch {
    return false;
  }
};

/**
 * The absolute path of a program, or null. A bare name is looked for in the absolute entries of `path`, as executors
 * and checks are started; anything with a slash must be absolute.
 */
export async function findProgram(program: string, path: string | undefined): Promise<string | null> {
  if (program.includes('/')) return isAbsolute(program) && (await isProgram(program)) ? program : null;
  for (const folder of (path ?? '').split(delimiter).filter(isAbsolute)) {
    if (await isProgram(join(folder, program))) return join(folder, program);
  }
  return null;
}
