import { readFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { inspect } from 'node:util';

/** Whether a process runs: an ended process that is not reaped yet does not. */
export function isRunning(pid: number): boolean {
  try {
    process.kill(pid, 0);
  } catch {
    return false;
  }
  if (process.platform !== 'linux') return true;
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
    return !['Z', 'X'].includes(stat.slice(stat.lastIndexOf(')') + 2, stat.lastIndexOf(')') + 3));
  } catch {
    return false;
  }
}

/** Waits until something holds; fails when it does not within `limitMs`. */
export async function until(holds: () => boolean, limitMs = 60_000): Promise<void> {
  const deadline = performance.now() + limitMs;
  while (!holds()) {
    if (performance.now() > deadline) throw new Error(`did not come true within ${limitMs} ms`);
    await sleep(25);
  }
}

/** Waits until a program has done something; fails with how it ended when it ends before. */
export async function untilDone(running: Promise<unknown>, holds: () => boolean): Promise<void> {
  let how: string | null = null;
  const note = (end: unknown): void => {
    how = inspect(end);
  };
  running.then(note, note);
  await until(() => holds() || how !== null);
  if (!holds()) throw new Error(`the program ended before: ${how}`);
}
