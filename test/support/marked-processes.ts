import { readdirSync, readFileSync } from 'node:fs';

interface SeenProcess {
  readonly pid: number;
  readonly parent: number;
}

/** Null for a process that has ended, or only waits for its parent. */
function seen(pid: number, text: string): SeenProcess | null {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
    const [state = '', parent = ''] = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
    if (['Z', 'X'].includes(state) || !readFileSync(`/proc/${pid}/environ`, 'utf8').includes(text)) return null;
    return { pid, parent: Number(parent) };
  } catch {
    return null;
  }
}

/** The processes of this machine whose environment has a text, those in a sandbox too (Linux). */
export const processesWith = (text: string): readonly SeenProcess[] =>
  readdirSync('/proc')
    .filter((name) => /^[0-9]+$/.test(name))
    .flatMap((name) => seen(Number(name), text) ?? []);

/** The ones that started none of the others. */
export const leavesOf = (processes: readonly SeenProcess[]): readonly number[] =>
  processes.filter(({ pid }) => !processes.some(({ parent }) => parent === pid)).map(({ pid }) => pid);
