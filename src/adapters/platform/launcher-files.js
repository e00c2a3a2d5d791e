// @ts-check
/** Files as the launcher uses them: what cannot be done is left, unless it says so. Plain JavaScript, like the launcher. */
import { constants, existsSync, openSync, readFileSync, rmSync, writeFileSync } from 'node:fs';

export const HAS_PROC = existsSync('/proc/self/environ');

export const readOrNothing = (path = '') => {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return '';
  }
};

/** The fields of proc_pid_stat(5) from the state on. @param {string | number} pid */
export const statOf = (pid) => {
  const stat = readOrNothing(`/proc/${pid}/stat`);
  return stat.slice(stat.lastIndexOf(')') + 2).split(' ');
};

/** A zombie runs no more, even when its parent never asks how it ended. */
export const isRunning = (state = '') => state !== '' && state !== 'Z' && state !== 'X';

export const write = (path = '', text = '') => {
  try {
    writeFileSync(path, text);
  } catch {
    // It has ended already, or the system has no such file.
  }
};

export const remove = (path = '') => {
  try {
    rmSync(path, { recursive: true, force: true });
  } catch {
    // What cannot be removed now is removed as a leftover.
  }
};

/** What was written last. */
let shared = '';
/** Opens a file that many programs read, such as a filter for guards; it is written once. It throws when that fails. */
export const openShared = (path = '', base64 = '') => {
  // Whoever cleans temporary folders may have removed it.
  if (base64 !== shared || !existsSync(path)) {
    remove(path);
    writeFileSync(path, Buffer.from(base64, 'base64'), { mode: 0o600, flag: 'wx' });
    shared = base64;
  }
  return openSync(path, constants.O_RDONLY | constants.O_NOFOLLOW);
};
