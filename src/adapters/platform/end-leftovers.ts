import { existsSync } from 'node:fs';
import { readdir, readFile } from 'node:fs/promises';
import { PROCESS_MARK_PATTERN, stateOfMark } from '../workspace-git/process-mark.js';
import { SCRATCH_PREFIX } from './scratch.js';

const SCRATCH_OF_EXECUTION = new RegExp(
  `(?:^|\\0)(?:PROMPTOS_SCRATCH|HOME)=(/[^\\0]*/${SCRATCH_PREFIX}-(${PROCESS_MARK_PATTERN})-[^/\\0]+)/(?:files|home)(?:\\0|$)`,
);

/** Whether a process with this environment belongs to an execution that is over: its scratch folder or its worker is gone. */
function isLeftover(environ: string): boolean {
  const [, scratch, mark] = SCRATCH_OF_EXECUTION.exec(environ) ?? [];
  if (scratch === undefined || mark === undefined) return false;
  const state = stateOfMark(mark);
  return state === 'dead' || (state === 'alive' && !existsSync(scratch));
}

/**
 * Kills what earlier executors and checks of this machine left running, as far as their environment still shows whose
 * they are: after a launcher was killed, for instance. On Linux only, since other systems do not show it.
 */
export async function endLeftovers(): Promise<void> {
  for (const name of await readdir('/proc').catch(() => [])) {
    if (!/^\d+$/.test(name) || Number(name) === process.pid) continue;
    // Another user's environment cannot be read, and another user's process could not be ended.
    const environ = await readFile(`/proc/${name}/environ`, 'latin1').catch(() => '');
    if (!isLeftover(environ)) continue;
    try {
      process.kill(Number(name), 'SIGKILL');
    } catch {
      // It has ended in the meantime.
    }
  }
}
