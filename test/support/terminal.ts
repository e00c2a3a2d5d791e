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

/** A command at work on a pseudo-terminal of its own. */
export interface Terminal {
  /** Waits until the screen shows something since the last wait. @throws Error when the command ends before */
  shown(pattern: RegExp): Promise<RegExpExecArray>;
  type(keys: string): void;
  /** Waits for the command's end. */
  ended(): Promise<TerminalRun>;
  /** Ends the command, when it has not ended. */
  stop(): Promise<void>;
}

export interface TerminalOptions {
  readonly cwd: string;
  readonly env: NodeJS.ProcessEnv;
  /** A program with arguments that starts the command, such as one that becomes another user. */
  readonly before?: readonly string[];
}

export const KEYS = { enter: '\r', up: '\u001b[A', down: '\u001b[B', interrupt: '\u0003' } as const;

/** Milliseconds after which a command that waits for more input is ended. */
const LIMIT = 300_000;
const ESCAPES = new RegExp(`${String.fromCharCode(27)}\\[[0-9;?]*[A-Za-z]`, 'g');

const quoted = (word: string): string => `'${word.replaceAll("'", "'\\''")}'`;

/** Runs a line of a shell on a pseudo-terminal of its own, with util-linux `script`. */
export function openTerminal(line: string, { cwd, env, before = [] }: TerminalOptions): Terminal {
  const [program = 'script', ...args] = [...before, 'script', '-qfec', `stty cols 120 rows 40; ${line}`, '/dev/null'];
  const child = spawn(program, args, {
    cwd,
    env: { ...env, TERM: 'xterm', SHELL: '/bin/bash' },
    stdio: ['pipe', 'pipe', 'inherit'],
  });
  let screen = '';
  let seen = 0;
  let look: () => void = () => undefined;
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    screen += text.replaceAll(ESCAPES, '');
    look();
  });
  const closed = once(child, 'close') as Promise<[number | null]>;
  return {
    shown: (pattern) =>
      new Promise((resolve, reject) => {
        const end = (problem: string): void => {
          look = () => undefined;
          clearTimeout(limit);
          reject(new Error(`${problem} ${pattern}:\n${screen}`));
        };
        const limit = setTimeout(() => {
          child.kill('SIGKILL');
          end('the terminal never showed');
        }, LIMIT);
        look = () => {
          const found = pattern.exec(screen.slice(seen));
          if (found === null) return;
          seen = screen.length;
          look = () => undefined;
          clearTimeout(limit);
          resolve(found);
        };
        look();
        void closed.then(() => end('the command ended before it showed'));
      }),
    type: (keys) => child.stdin.write(keys),
    ended: async () => {
      const limit = setTimeout(() => child.kill('SIGKILL'), LIMIT);
      const [exitCode] = await closed;
      clearTimeout(limit);
      return { screen, exitCode };
    },
    stop: async () => {
      if (child.exitCode === null && child.signalCode === null) child.kill('SIGTERM');
      await closed;
    },
  };
}

/** Types what a person would once the screen shows it, and waits for the end of the command. */
export async function typeAll(terminal: Terminal, typed: readonly Typed[]): Promise<TerminalRun> {
  for (const [pattern, keys] of typed) {
    await terminal.shown(pattern);
    terminal.type(keys);
  }
  return terminal.ended();
}

/** Runs the program on a pseudo-terminal of its own, and types what a person would. */
export const onTerminal = (
  args: readonly string[],
  { typed = [], ...options }: Pick<TerminalOptions, 'cwd' | 'env'> & { readonly typed?: readonly Typed[] },
): Promise<TerminalRun> =>
  typeAll(openTerminal(`exec ${[process.execPath, PROMPTOS, ...args].map(quoted).join(' ')}`, options), typed);
