import { homedir, userInfo } from 'node:os';

const NONE = '/nonexistent';

/** The home folder of this process's user; a path that does not exist for a user without one, such as a container may have. */
export function homeFolder(): string {
  try {
    // An empty HOME is what a script with an unset variable leaves; the system's own list of users knows better.
    return homedir() || userInfo().homedir || NONE;
  } catch {
    return NONE;
  }
}
