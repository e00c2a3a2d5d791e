import { chmod, mkdir, stat } from 'node:fs/promises';
import { dirname, join, sep } from 'node:path';
import { systemCode } from './store-errors.js';

/** Set-group-ID and writable by the group: how a folder says that a group shares it. */
const SHARED = 0o2020;

/** Whether a group shares a folder: then whatever is made in it is for the group too, whatever a user's umask says. */
export const isShared = async (folder: string): Promise<boolean> => ((await stat(folder)).mode & SHARED) === SHARED;

/** Makes a folder; in a shared one with the permissions of that one. */
export async function makeFolder(path: string): Promise<void> {
  await mkdir(path);
  const { mode } = await stat(dirname(path));
  if ((mode & SHARED) === SHARED) await chmod(path, mode & 0o7777);
}

/** Makes the folders of a relative path below one that exists. */
export async function makeFolders(below: string, path: string): Promise<void> {
  let folder = below;
  for (const name of path.split(sep).filter((part) => part !== '.')) {
    folder = join(folder, name);
    await makeFolder(folder).catch((error: unknown) => {
      if (systemCode(error) !== 'EEXIST') throw error;
    });
  }
}
