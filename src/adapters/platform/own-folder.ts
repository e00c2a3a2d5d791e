import { lstatSync } from 'node:fs';
import { makeFoldersSync } from './make-folders.js';

/**
 * Makes a folder that only this user may write to, or finds it. What another user could have written is not used: a state
 * folder may be shared with a group.
 * @throws Error when the folder belongs to another user, is a link, or can be written by others
 */
export function ensureOwnFolder(path: string): void {
  makeFoldersSync(path, 0o700);
  const found = lstatSync(path);
  const own = process.getuid === undefined || found.uid === process.getuid();
  if (!found.isDirectory() || !own || (found.mode & 0o022) !== 0) {
    throw new Error(`${path} is not a folder that only this user may write to`);
  }
}
