import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { isRunning, ownIdentity, processStarted } from '../../src/embedded/process-identity.js';

/** Its first thread ends, which shows as the state Z; its second holds the process for a minute. */
const FIRST_THREAD_ENDS = `
import ctypes, threading, time
threading.Thread(target=lambda: time.sleep(60)).start()
ctypes.CDLL(None).pthread_exit(None)
`;

/** Field 3 of proc_pid_stat(5). */
const stateOnLinux = (pid: number) => readFileSync(`/proc/${pid}/stat`, 'latin1').replace(/^.*\) /s, '')[0];

test('isRunning: this process; not one of another start', () => {
  expect(isRunning(ownIdentity())).toBe(true);
  expect(isRunning({ ...ownIdentity(), process_started: 'another boot/1' })).toBe(false);
});

test.runIf(process.platform === 'linux')(
  'isRunning: true until the last thread of a process has ended, not only its first',
  async () => {
    const child = spawn('python3', ['-c', FIRST_THREAD_ENDS]);
    await once(child, 'spawn');
    const pid = child.pid ?? 0;
    const process_started = processStarted(pid) ?? '';
    await expect.poll(() => stateOnLinux(pid)).toBe('Z');
    expect(isRunning({ pid, process_started })).toBe(true);
    child.kill('SIGKILL');
    await once(child, 'exit');
    expect(isRunning({ pid, process_started })).toBe(false);
  },
);
