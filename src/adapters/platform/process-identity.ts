import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { readdirSync, readFileSync, readlinkSync } from 'node:fs';
import { hostname } from 'node:os';

/** A process, distinct from any other that had or will have the same number. */
export interface ProcessIdentity {
  readonly pid: number;
  /** When it started, as the operating system writes it; opaque. */
  readonly process_started: string;
}

const attempt = (read: () => string): string => {
  try {
    return read();
  } catch {
    return '';
  }
};

const bootId = (): string => attempt(() => readFileSync('/proc/sys/kernel/random/boot_id', 'latin1')).trim();

/** A process whose first thread has ended, as after a kill, keeps its files and ports until its last thread has ended. */
const hasOtherThreads = (pid: number): boolean => readdirSync(`/proc/${pid}/task`).length > 1;

/** The fields of proc_pid_stat(5) after the program's name, which may hold anything: from field 3 on. */
function statFields(pid: number): readonly string[] {
  const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
  return stat.slice(stat.lastIndexOf(')') + 2).split(' ');
}

/** Clock ticks since boot, or null when no such process runs. */
function startTicks(pid: number): string | null {
  try {
    // Field 3 is the state and field 22 the start.
    const fields = statFields(pid);
    if (fields[0] === 'X' || (fields[0] === 'Z' && !hasOtherThreads(pid))) return null;
    return fields[19] ?? null;
  } catch {
    return null;
  }
}

/** The flag of a thread of the kernel itself, in field 9. */
const PF_KTHREAD = 0x0020_0000;

/** Whether a process is a thread of the kernel, on Linux: it never runs a program. */
export function isOfKernel(pid: number): boolean {
  try {
    return (Number(statFields(pid)[6]) & PF_KTHREAD) !== 0;
  } catch {
    return false;
  }
}

/** Where there is no /proc: the start as a date, or null when no such process runs. */
function startDate(pid: number): string | null {
  const line = attempt(() =>
    execFileSync('ps', ['-o', 'stat=,lstart=', '-p', String(pid)], {
      encoding: 'utf8',
      env: { PATH: '/bin:/usr/bin', LC_ALL: 'C', TZ: 'UTC' },
      stdio: ['ignore', 'pipe', 'ignore'],
    }),
  ).trim();
  const [state = '', ...started] = line.split(/\s+/);
  return line === '' || state.startsWith('Z') ? null : started.join(' ');
}

/** When a process started; null when none has this number, or it has ended and only awaits its parent. */
export function processStarted(pid: number): string | null {
  if (process.platform !== 'linux') return startDate(pid);
  const ticks = startTicks(pid);
  return ticks === null ? null : `${bootId()}/${ticks}`;
}

/** Whether exactly this process still runs. */
export const isRunning = ({ pid, process_started }: ProcessIdentity): boolean =>
  processStarted(pid) === process_started;

const short = (text: string): string => createHash('sha256').update(text).digest('hex').slice(0, 10);

let ownPlace: string | undefined;

/** This boot of this machine, and the set of process ids that this process sees. */
function place(): string {
  ownPlace ??= short([hostname(), bootId(), attempt(() => readlinkSync('/proc/self/ns/pid'))].join('\n'));
  return ownPlace;
}

const markStart = (pid: number): string | null => {
  if (process.platform === 'linux') return startTicks(pid);
  const date = startDate(pid);
  return date === null ? null : short(date);
};

/** `<place>-<pid>-<start>`: a process as part of a file name, distinct from every other process, ended ones included. */
export const PROCESS_MARK_PATTERN = '[0-9a-f]{10}-\\d+-[0-9a-f]+';

let own: string | undefined;

/** The mark of this process. */
export function ownMark(): string {
  own ??= markOf(process.pid);
  return own;
}

/** The mark of a process that is known to run, such as a child. */
export const markOf = (pid: number): string => `${place()}-${pid}-${markStart(pid) ?? '0'}`;

type MarkState = 'alive' | 'dead' | 'elsewhere';

/** Whether the process of a mark runs. `elsewhere`: on another machine, in another container, or before a reboot. */
export function stateOfMark(mark: string): MarkState {
  const [where, pid, start] = mark.split('-');
  if (where !== place()) return 'elsewhere';
  return markStart(Number(pid)) === start ? 'alive' : 'dead';
}
