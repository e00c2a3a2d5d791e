import { spawn } from 'node:child_process';
import { pipeline } from 'node:stream';
import { systemCode } from '../../contracts/errors.js';
import { isLong } from '../../contracts/long-bytes.js';
import { type ProgramEnd, ProgramNotStarted, type ProgramStarter } from './program-starter.js';

/** From SIGTERM to SIGKILL. */
const GRACE_MS = 2_000;

/** Programs in sessions of their own, which no signal of a terminal reaches: those that still run end with this process. */
const inSessions = new Set<number>();
// Before the folders that they work in go.
process.prependOnceListener('exit', () => {
  for (const pid of inSessions) signalProgram(pid, true, 'SIGTERM');
});

/**
 * Starts programs from this process. For a process that starts few of them, such as a command, this costs less than a launcher.
 * @param place `session`: in a session of its own, without a terminal. `terminal`: on the terminal of this process, where the
 * program may ask for a passphrase
 */
export const createDirectStarter = (place: 'session' | 'terminal'): ProgramStarter => ({
  start: async ({ argv, env, cwd, input }) => {
    const detached = place === 'session';
    const child = spawn(argv[0] ?? '', argv.slice(1), { cwd, env, detached, stdio: ['pipe', 'pipe', 'pipe'] });
    const closed = new Promise<ProgramEnd>((resolve) => {
      child.once('close', (code, signal) => resolve({ code, signal }));
    });
    await new Promise<void>((resolve, reject) => {
      child.once('spawn', resolve);
      child.on('error', (error) => reject(new ProgramNotStarted(systemCode(error) ?? error.message)));
    });
    const pid = child.pid ?? 0;
    if (detached) inSessions.add(pid);
    child.once('exit', () => inSessions.delete(pid));
    // A program may end before it has read everything; its exit code says why.
    child.stdin.on('error', () => undefined);
    if (typeof input === 'object' && isLong(input)) pipeline(input.read(), child.stdin, () => undefined);
    else child.stdin.end(input ?? '');
    let lastResort: NodeJS.Timeout | undefined;
    return {
      pid,
      stdout: child.stdout,
      stderr: child.stderr,
      stop: () => {
        signalProgram(pid, detached, 'SIGTERM');
        lastResort ??= setTimeout(() => signalProgram(pid, detached, 'SIGKILL'), GRACE_MS);
      },
      kill: () => signalProgram(pid, detached, 'SIGKILL'),
      untilEnded: () => closed.finally(() => clearTimeout(lastResort)),
    };
  },
});

function signalProgram(pid: number, group: boolean, signal: NodeJS.Signals): void {
  try {
    process.kill(group ? -pid : pid, signal);
  } catch {
    // It has ended by itself.
  }
}
