/**
 * The guard between a worker and one command: a program, never imported. It starts the command in a session of its
 * own, and ends all of it when the worker says so, when the command itself has ended, and when the channel to the
 * worker closes, as it does when the worker is killed.
 *
 * `guard-program.ts` also runs this text as it stands, uncompiled, so nothing here may need compiling: types are
 * inferred, never written.
 */
import { spawn } from 'node:child_process';
import { existsSync, readdirSync, readFileSync, rmSync } from 'node:fs';

const POLL_MS = 40;
const KILL_WAIT_MS = 3_000;
const HAS_PROC = existsSync('/proc/self/environ');

process.title = 'promptos guard';

const pause = () => new Promise((resolve) => setTimeout(resolve, POLL_MS));

const readOrNothing = (path = '') => {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return '';
  }
};

const signalProcess = (pid = 0, signal = 'SIGTERM') => {
  try {
    process.kill(pid, signal);
  } catch {
    // It has ended in the meantime.
  }
};

/** What still runs of a session: negative for a whole group, as `kill` has it. */
const survivorsOf = (session = 0, mark = '') => {
  if (!HAS_PROC) {
    try {
      process.kill(-session, 0);
      return [-session];
    } catch {
      return [];
    }
  }
  // Groups miss what job control or `timeout` regrouped, and count zombies that nobody reaps.
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .filter((pid) => {
      const stat = readOrNothing(`/proc/${pid}/stat`);
      const [state, , group, sessionId] = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
      if (state === undefined || state === '' || state === 'Z' || state === 'X') return false;
      if (Number(group) === session || Number(sessionId) === session) return true;
      return readOrNothing(`/proc/${pid}/environ`).split('\0').includes(mark);
    })
    .map(Number);
};

const report = (message = {}, done = () => {}) => {
  if (process.connected) process.send?.(message, undefined, undefined, done);
  else done();
};

const leave = () => process.exit(0);

process.once('message', (text) => {
  const job = JSON.parse(String(text));
  try {
    const child = spawn(job.argv[0], job.argv.slice(1), {
      cwd: job.cwd,
      env: job.env,
      stdio: ['inherit', 'inherit', 'inherit'],
      detached: true,
    });
    const session = child.pid ?? 0;
    const told = new Set([0]);
    let ending = false;
    const remaining = () => {
      const survivors = survivorsOf(session, job.mark);
      const reaped = child.exitCode !== null || child.signalCode !== null;
      return survivors.length === 0 && !reaped ? [session] : survivors;
    };
    const end = async () => {
      if (ending || session === 0) return;
      ending = true;
      let signal = 'SIGTERM';
      let deadline = performance.now() + job.grace_ms;
      for (let left = remaining(); left.length > 0; left = remaining()) {
        if (performance.now() > deadline) {
          if (signal === 'SIGKILL') break;
          signal = 'SIGKILL';
          deadline = performance.now() + KILL_WAIT_MS;
        }
        if (signal === 'SIGKILL') signalProcess(-session, signal);
        // Each is asked once to end, since many programs take a second request for impatience.
        for (const pid of left.filter((one) => signal === 'SIGKILL' || !told.has(one))) {
          told.add(pid);
          signalProcess(pid, signal);
        }
        await pause();
      }
      if (!process.connected) rmSync(job.scratch, { recursive: true, force: true });
      report({ kind: 'ended', code: child.exitCode, signal: child.signalCode }, leave);
    };
    child.once('spawn', () => report({ kind: 'started', pid: session }));
    child.once('error', (error) => {
      if (session === 0) report({ kind: 'failed', code: 'code' in error ? error.code : error.message }, leave);
    });
    child.once('exit', () => void end());
    process.once('message', () => void end());
    process.once('disconnect', () => void end());
    for (const signal of ['SIGTERM', 'SIGINT', 'SIGHUP']) process.on(signal, () => void end());
  } catch (error) {
    const code = error instanceof Error && 'code' in error ? error.code : String(error);
    report({ kind: 'failed', code }, leave);
  }
});
