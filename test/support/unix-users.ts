import { spawnSync } from 'node:child_process';
import { PROMPTOS } from './built-package.js';

/** A user of this machine by number, who need not have an account, and the groups beside their own. */
export interface UnixUser {
  readonly uid: number;
  readonly groups?: readonly number[];
}

/** The program that changes user, group and groups, with its arguments; a command follows. */
export const becoming = ({ uid, groups = [] }: UnixUser): readonly [string, ...string[]] => [
  'setpriv',
  `--reuid=${uid}`,
  `--regid=${uid}`,
  ...(groups.length === 0 ? ['--clear-groups'] : [`--groups=${groups.join(',')}`]),
];

/** Only root can become another user, and only if other users can read this package. */
export function canBecome(user: UnixUser): boolean {
  const [program, ...args] = becoming(user);
  return (
    process.platform === 'linux' &&
    process.getuid?.() === 0 &&
    spawnSync(program, [...args, process.execPath, '--check', PROMPTOS]).status === 0
  );
}
