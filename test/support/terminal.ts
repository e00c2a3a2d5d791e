import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { PROMPTOS } from './built-package.js';

/** What a person saw on a terminal, and how the command ended. */
export interface TerminalRun {
  /** Without escape sequences. */
  readonly screen: string;
  readonly exitCode: number | null;
}

/** What a person types once the screen shows something. */
export type Typed = readonly [shown: RegExp, keys: string];

export const KEYS = { enter: '\r', up: '\u001b[A', down: '\u001b[B', interrupt: '\u0003' } as const;

/** Milliseconds after which a command that waits for more input is ended. */
const LIMIT = 120_000;
const ESCAPES = new RegExp(`${String.fromCharCode(27)}\\[[0-9;?]*[A-Za-z]`, 'g');

const quoted = (word: string): string => `'${word.replaceAll("'", "'\\''")}'`;

/** Runs the program on a pseudo-terminal of its own, with util-linux `script`, and types what a person would. */
export async function onTerminal(
  args: readonly string[],
  {
    cwd,
    env,
    typed = [],
  }: { readonly cwd: string; readonly env: NodeJS.ProcessEnv; readonly typed?: readonly Typed[] },
): Promise<TerminalRun> {
  const command = [process.execPath, PROMPTOS, ...args].map(quoted).join(' ');
  const child = spawn('script', ['-qfec', `stty cols 120 rows 40; exec ${command}`, '/dev/null'], {
    cwd,
    env: { ...env, TERM: 'xterm', SHELL: '/bin/sh' },
    stdio: ['pipe', 'pipe', 'inherit'],
  });
  const left = [...typed];
  let screen = '';
  let seen = 0;
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    screen += text.replaceAll(ESCAPES, '');
    const next = left[0];
    if (next === undefined || !next[0].test(screen.slice(seen))) return;
    left.shift();
    seen = screen.length;
    child.stdin.write(next[1]);
  });
  const limit = setTimeout(() => child.kill('SIGKILL'), LIMIT);
  const [exitCode] = (await once(child, 'close')) as [number | null];
  clearTimeout(limit);
  if (left.length > 0) throw new Error(`the terminal never showed ${left[0]?.[0]}:\n${screen}`);
  return { screen, exitCode };
}
