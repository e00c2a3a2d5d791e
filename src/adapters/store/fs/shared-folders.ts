import { chmod, mkdir, stat } from 'node:fs/promises';
import { dirname, join, sep } from 'node:path';
import { systemCode } from '../../../contracts/system-code.js';

/** Set-group-ID and writable by the group: how a folder says that a group shares it. */
const SHARED = 0o2020;

/** The permissions that folders in a shared folder get, whatever a user's umask says; null for one that is not shared. */
async function sharedMode(folder: string): Promise<number | null> {
  const { mode } = await stat(folder);
  return (mode & SHARED) === SHARED ? mode & 0o7777 : null;
}

/** Whether a group shares a folder: then whatever is made in it is for the group too. */
export const isShared = async (folder: string): Promise<boolean> => (await sharedMode(folder)) !== null;

/** Makes a folder; in a shared one with the permissions of that one. */
export async function makeFolder(path: string): Promise<void> {
  await mkdir(path);
  const mode = await sharedMode(dirname(path));
  if (mode !== null) await chmod(path, mode);
}

/** Makes the folders of a relative path below one that exists. Several callers may make the same folders at once. */
export async function makeFolders(below: string, path: string): Promise<void> {
  const mode = await sharedMode(below);
  let folder = below;
  for (const name of path.split(sep).filter((part) => part !== '.')) {
    folder = join(folder, name);
    await mkdir(folder).catch((error: unknown) => {
      if (systemCode(error) !== 'EEXIST') throw error;
    });
    // Also for a folder that another caller has just made: its own turn to change the permissions may come later.
    if (mode !== null) await chmod(folder, mode);
  }
}
