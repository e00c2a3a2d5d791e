import { lstat, mkdir } from 'node:fs/promises';

/**
 * Makes a folder that only this user may write to, or finds it. What another user could have written is not used: a state
 * folder may be shared with a group.
 * @throws Error when the folder belongs to another user, is a link, or can be written by others
 */
export async function ensureOwnFolder(path: string): Promise<void> {
  await mkdir(path, { recursive: true, mode: 0o700 });
  const found = await lstat(path);
  const own = process.getuid === undefined || found.uid === process.getuid();
  if (!found.isDirectory() || !own || (found.mode & 0o022) !== 0) {
    throw new Error(`${path} is not a folder that only this user may write to`);
  }
}
