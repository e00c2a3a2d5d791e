import { homedir, userInfo } from 'node:os';
import { isAbsolute } from 'node:path';

const NONE = '/nonexistent';

/**
 * The home folder of a process's user; a path that does not exist for a user without one, such as a container may have.
 * @param stated its HOME. One that is empty is what a script with an unset variable leaves. A relative one would be another
 * folder for each command, and private keys would get into repositories. The system's own list of users knows better.
 */
export function homeFolder(stated = ''): string {
  if (isAbsolute(stated)) return stated;
  try {
    const home = homedir();
    return isAbsolute(home) ? home : userInfo().homedir || NONE;
  } catch {
    return NONE;
  }
}
