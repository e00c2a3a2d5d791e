import { existsSync } from 'node:fs';

/** What the system says of a program that is missing, is none, or may not be run. */
const PROGRAM_CODES: ReadonlySet<string> = new Set([
  'ENOENT',
  'EACCES',
  'EPERM',
  'ENOEXEC',
  'ENOTDIR',
  'EISDIR',
  'ELOOP',
]);

/** Why a command did not start, as one sentence, and whether its program is to blame. */
export interface NotStarted {
  readonly program_at_fault: boolean;
  readonly reason: string;
}

/** @param code what the system said, such as `ENOENT`, which stands for a missing folder as well as a missing program. */
export function explainNotStarted(code: string, program: string, directory: string): NotStarted {
  if (!existsSync(directory)) {
    return { program_at_fault: false, reason: `"${program}" was not started: its folder is not there.` };
  }
  const said: Readonly<Record<string, string>> = {
    ENOENT: 'is not there',
    EACCES: 'may not be run by this worker',
    EPERM: 'may not be run by this worker',
  };
  return {
    program_at_fault: PROGRAM_CODES.has(code),
    reason: `The program "${program}" ${said[code] ?? 'could not be started'} (${code}).`,
  };
}
