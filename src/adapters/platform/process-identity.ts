import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { readFileSync, readlinkSync } from 'node:fs';
import { hostname } from 'node:os';

const short = (text: string): string => createHash('sha256').update(text).digest('hex').slice(0, 10);

const attempt = (read: () => string): string => {
  try {
    return read();
  } catch {
    return '';
  }
};

/** This boot of this machine, and the set of process ids that this process sees. */
const place = (): string =>
  short(
    [
      hostname(),
      attempt(() => readFileSync('/proc/sys/kernel/random/boot_id', 'latin1')),
      attempt(() => readlinkSync('/proc/self/ns/pid')),
    ].join('\n'),
  );

/** When a process started, so that a number that is used again is no trap; null when there is no such process. */
function startOf(pid: number): string | null {
  if (process.platform === 'linux') {
    const stat = attempt(() => readFileSync(`/proc/${pid}/stat`, 'latin1'));
    // The program's name, in parentheses, may hold anything; the fields after it start with the third, the state.
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
    return stat === '' || fields[0] === 'Z' || fields[19] === undefined ? null : fields[19];
  }
  const line = attempt(() =>
    execFileSync('ps', ['-o', 'lstart=', '-p', String(pid)], { encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] }),
  ).trim();
  return line === '' ? null : short(line);
}

/** `<place>-<pid>-<start>`: letters, digits and two hyphens; tells a process apart from every other, dead ones included. */
export const PROCESS_MARK_PATTERN = '[0-9a-f]{10}-\\d+-[0-9a-f]+';

let own: string | undefined;

/** The mark of this process. */
export function ownMark(): string {
  own ??= `${place()}-${process.pid}-${startOf(process.pid) ?? '0'}`;
  return own;
}

/** The mark of a process that is known to run, such as a child. */
export const markOf = (pid: number): string => `${place()}-${pid}-${startOf(pid) ?? '0'}`;

export type MarkState = 'alive' | 'dead' | 'elsewhere';

/** Whether the process of a mark runs. `elsewhere`: on another machine, in another container, or before a reboot. */
export function stateOfMark(mark: string): MarkState {
  const [where, pid, start] = mark.split('-');
  if (where !== place()) return 'elsewhere';
  return startOf(Number(pid)) === start ? 'alive' : 'dead';
}
