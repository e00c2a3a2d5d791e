import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { withLock } from '../../src/embedded/lock.js';
import { processStarted } from '../../src/embedded/process-identity.js';

let folder: string;
beforeEach(async () => {
  folder = join(await mkdtemp(join(tmpdir(), 'promptos-lock-')), 'lock');
});
afterEach(() => rm(join(folder, '..'), { recursive: true, force: true }));

test('withLock: twenty contenders hold it one at a time, and nothing stays behind', async () => {
  let inside = 0;
  let most = 0;
  let done = 0;
  const contender = () =>
    withLock(folder, 60_000, async () => {
      inside += 1;
      most = Math.max(most, inside);
      await delay(2);
      inside -= 1;
      done += 1;
    });
  await Promise.all(Array.from({ length: 20 }, contender));
  expect({ most, done }).toEqual({ most: 1, done: 20 });
  expect(await readdir(folder)).toEqual([]);
});

test('withLock: a failing action gives it back and its error passes', async () => {
  await expect(withLock(folder, 1_000, () => Promise.reject(new Error('inside')))).rejects.toThrow('inside');
  expect(await withLock(folder, 1_000, async () => 'free')).toBe('free');
});

test('withLock: waits for a living holder up to the limit, and takes over from a dead one', async () => {
  const holder = spawn('sleep', ['60']);
  await once(holder, 'spawn');
  const pid = holder.pid ?? 0;
  await withLock(folder, 1_000, async () => {});
  await writeFile(join(folder, 'claim-0'), JSON.stringify({ pid, process_started: processStarted(pid) }));
  await expect(withLock(folder, 200, async () => 'never')).rejects.toMatchObject({ code: 'SERVER_NOT_STARTED' });
  holder.kill('SIGKILL');
  await once(holder, 'exit');
  expect(await withLock(folder, 5_000, async () => 'mine')).toBe('mine');
});

test('withLock: a claim of an earlier process with the same number holds nothing, nor does an empty one', async () => {
  await withLock(folder, 1_000, async () => {});
  await writeFile(join(folder, 'claim-0'), JSON.stringify({ pid: process.pid, process_started: 'before/1' }));
  await writeFile(join(folder, 'claim-1'), '');
  expect(await withLock(folder, 1_000, async () => 'mine')).toBe('mine');
});
