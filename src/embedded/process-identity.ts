import { execFileSync } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';

/** A process that is not taken for another one with the same number. */
export interface ProcessIdentity {
  readonly pid: number;
  /** When it started, in the operating system's own words; opaque. */
  readonly process_started: string;
}

/** A process whose first thread has ended, as one that was killed, keeps its files and ports until its last thread has. */
const hasOtherThreads = (pid: number): boolean => readdirSync(`/proc/${pid}/task`).length > 1;

function startedOnLinux(pid: number): string | null {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'latin1');
    // proc_pid_stat(5): after the program's name, which may hold anything, field 3 is the state and field 22 the start.
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
    if (fields[0] === 'X' || (fields[0] === 'Z' && !hasOtherThreads(pid))) return null;
    return `${readFileSync('/proc/sys/kernel/random/boot_id', 'latin1').trim()}/${fields[19]}`;
  } catch {
    return null;
  }
}

function startedElsewhere(pid: number): string | null {
  try {
    const line = execFileSync('ps', ['-o', 'stat=,lstart=', '-p', String(pid)], {
      encoding: 'utf8',
      env: { PATH: '/bin:/usr/bin', LC_ALL: 'C', TZ: 'UTC' },
      stdio: ['ignore', 'pipe', 'ignore'],
    }).trim();
    const [state = '', ...started] = line.split(/\s+/);
    return line === '' || state.startsWith('Z') ? null : started.join(' ');
  } catch {
    return null;
  }
}

/** When the process with this number started, or null when there is none or it has ended and only awaits its parent. */
export const processStarted = (pid: number): string | null =>
  process.platform === 'linux' ? startedOnLinux(pid) : startedElsewhere(pid);

/** Whether this very process still runs. */
export const isRunning = ({ pid, process_started }: ProcessIdentity): boolean =>
  processStarted(pid) === process_started;

/** This process. */
export function ownIdentity(): ProcessIdentity {
  return { pid: process.pid, process_started: processStarted(process.pid) ?? 'unknown' };
}
