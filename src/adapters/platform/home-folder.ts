import { homedir } from 'node:os';

const NONE = '/nonexistent';

/** The home folder of this process's user; a path that does not exist for a user without one, such as a container may have. */
export function homeFolder(): string {
  try {
    return homedir() || NONE;
  } catch {
    return NONE;
  }
}
