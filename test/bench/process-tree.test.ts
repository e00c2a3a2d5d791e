import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import process from 'node:process';
import { createInterface } from 'node:readline';
import { expect, test } from 'vitest';
import { type ProcessStat, processorTime, readProcessTree, readStat } from '../../bench/process-tree.js';

test('readStat: a program whose name holds brackets does not shift the fields', () => {
  const fields = Array.from({ length: 52 }, (_, index) => index + 1);
  const text = fields.map((value, index) => (index === 1 ? '(a) b (c)' : value)).join(' ');
  expect(readStat(text)).toEqual({
    pid: 1,
    parent: 4,
    started: 22,
    rss_bytes: 24 * 4_096,
    cpu_ms: 290,
    ended_children_ms: 330,
  });
});

const stat = (pid: number, cpu_ms: number, ended_children_ms: number, started = 1): ProcessStat => ({
  pid,
  parent: 0,
  started,
  rss_bytes: 0,
  cpu_ms,
  ended_children_ms,
});

test('processorTime: the time of the worker, of what lives as long as it, and of the programs below both', () => {
  const before = { root: stat(1, 100, 10), descendants: [stat(2, 20, 5)] };
  const after = { root: stat(1, 150, 30), descendants: [stat(2, 27, 45), stat(3, 4, 2)] };
  expect(processorTime(before, after)).toEqual({ worker_ms: 50, helpers_ms: 7, programs_ms: 20 + 40 + 4 + 2 });
});

test('processorTime: a process that got the pid of an ended one is a program', () => {
  const before = { root: stat(1, 0, 0), descendants: [stat(2, 20, 0, 1)] };
  const after = { root: stat(1, 0, 25), descendants: [stat(2, 3, 0, 2)] };
  expect(processorTime(before, after)).toEqual({ worker_ms: 0, helpers_ms: 0, programs_ms: 8 });
});

test.skipIf(!existsSync('/proc/self/stat'))('readProcessTree: finds the children of children', async () => {
  const child = spawn('sh', ['-c', 'sleep 600 & echo started; wait'], {
    stdio: ['ignore', 'pipe', 'ignore'],
    detached: true,
  });
  await once(createInterface({ input: child.stdout }), 'line');
  const tree = readProcessTree(process.pid);
  const shell = tree?.descendants.find(({ pid }) => pid === child.pid);
  expect(shell?.parent).toBe(process.pid);
  expect(tree?.descendants.filter(({ parent }) => parent === child.pid)).toHaveLength(1);
  const exit = once(child, 'exit');
  process.kill(-(child.pid ?? 0), 'SIGKILL');
  await exit;
  expect(readProcessTree(child.pid ?? 0)).toBeNull();
});
