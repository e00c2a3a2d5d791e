import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import {
  isOfKernel,
  isRunning,
  markOf,
  ownMark,
  processStarted,
  stateOfMark,
} from '../../../src/adapters/platform/process-identity.js';

/** Its first thread ends, which shows as the state Z; its second holds the process for a minute. */
const FIRST_THREAD_ENDS = `
import ctypes, threading, time
threading.Thread(target=lambda: time.sleep(60)).start()
ctypes.CDLL(None).pthread_exit(None)
`;

/** Field 3 of proc_pid_stat(5). */
const stateOnLinux = (pid: number) => readFileSync(`/proc/${pid}/stat`, 'latin1').replace(/^.*\) /s, '')[0];

test('processStarted: this process; not a missing one, nor an ended one that its parent has not reaped', async () => {
  const process_started = processStarted(process.pid) ?? '';
  expect(isRunning({ pid: process.pid, process_started })).toBe(true);
  expect(isRunning({ pid: process.pid, process_started: 'another boot/1' })).toBe(false);
  expect(processStarted(2 ** 22 + 1)).toBeNull();
  const parent = spawn('/bin/sh', ['-c', 'sleep 0.1 & echo $!; exec sleep 60'], {
    stdio: ['ignore', 'pipe', 'ignore'],
  });
  try {
    const [chunk] = (await once(parent.stdout, 'data')) as [Buffer];
    await expect.poll(() => processStarted(Number(chunk.toString()))).toBeNull();
  } finally {
    parent.kill('SIGKILL');
  }
});

const nameOf = (pid: number): string =>
  existsSync(`/proc/${pid}/comm`) ? readFileSync(`/proc/${pid}/comm`, 'latin1').trim() : '';
const childrenOf = (pid: number): readonly string[] =>
  readFileSync(`/proc/${pid}/task/${pid}/children`, 'latin1')
    .split(' ')
    .filter((child) => child !== '');

test.runIf(process.platform === 'linux')(
  'isOfKernel: the children of kthreadd, where they can be seen, and no other',
  () => {
    const kernel = nameOf(2) === 'kthreadd' ? ['2', ...childrenOf(2)] : [];
    for (const pid of kernel) expect(isOfKernel(Number(pid)), pid).toBe(true);
    expect(isOfKernel(process.pid)).toBe(false);
    expect(isOfKernel(2 ** 22 + 1)).toBe(false);
  },
);

test('stateOfMark: this process is alive, its number with another start is dead, another place is elsewhere', () => {
  const [place, pid] = ownMark().split('-');
  expect(stateOfMark(ownMark())).toBe('alive');
  expect(markOf(process.pid)).toBe(ownMark());
  expect(stateOfMark(`${place}-${pid}-1`)).toBe('dead');
  expect(stateOfMark(`${'0'.repeat(10)}-${pid}-1`)).toBe('elsewhere');
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
