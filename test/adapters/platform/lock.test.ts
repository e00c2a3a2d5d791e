import { once } from 'node:events';
import { readdir, utimes, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { withLock } from '../../../src/adapters/platform/lock.js';
import { ownMark } from '../../../src/adapters/platform/process-identity.js';
import { spawnTypeScript } from '../../support/typescript-child.js';
import { makeRoom } from '../git-fixtures.js';

let room: Awaited<ReturnType<typeof makeRoom>>;
let folder: string;
beforeEach(async () => {
  room = await makeRoom();
  folder = join(room.root, 'lock');
});
afterEach(() => room.remove());

test('withLock: one holder at a time, and no file remains', async () => {
  let inside = 0;
  let most = 0;
  const work = async () => {
    inside += 1;
    most = Math.max(most, inside);
    await new Promise((resolve) => setTimeout(resolve, 5));
    inside -= 1;
  };
  await Promise.all(Array.from({ length: 12 }, () => withLock(folder, {}, work)));
  expect(most).toBe(1);
  expect(await readdir(folder)).toEqual([]);
});

test('withLock: gives the lock back when the work fails, and its error passes', async () => {
  const failure = new Error('no');
  await expect(withLock(folder, {}, () => Promise.reject(failure))).rejects.toBe(failure);
  expect(await withLock(folder, {}, async () => 'next')).toBe('next');
});

test('withLock: a wait can be cancelled', async () => {
  const abort = new AbortController();
  await withLock(folder, {}, async () => {
    const waiting = withLock(folder, { signal: abort.signal }, async () => 'never');
    const outcome = expect(waiting).rejects.toMatchObject({ name: 'AbortError' });
    abort.abort();
    await outcome;
  });
  expect(await readdir(folder)).toEqual([]);
});

test('withLock: a living holder blocks others, one that was killed with SIGKILL does not', async () => {
  const holder = spawnTypeScript('test/adapters/platform/lock-holder.ts', [folder]);
  try {
    await once(holder.stdout, 'data');
    let entered = false;
    const waiting = withLock(folder, {}, async () => {
      entered = true;
    });
    await new Promise((resolve) => setTimeout(resolve, 300));
    expect(entered).toBe(false);
    holder.kill('SIGKILL');
    await waiting;
    expect(entered).toBe(true);
  } finally {
    holder.kill('SIGKILL');
  }
});

test('withLock: a holder on another machine counts as long as it touches its ticket', async () => {
  const ticket = join(folder, `ticket-1-${'0'.repeat(10)}-1-1-abcd`);
  await withLock(folder, {}, async () => undefined);
  await writeFile(ticket, '');
  const abort = new AbortController();
  const waiting = withLock(folder, { signal: abort.signal }, async () => 'mine');
  const outcome = expect(waiting).rejects.toMatchObject({ name: 'AbortError' });
  await new Promise((resolve) => setTimeout(resolve, 200));
  abort.abort();
  await outcome;
  const longAgo = new Date(Date.now() - 3_600_000);
  await utimes(ticket, longAgo, longAgo);
  expect(await withLock(folder, {}, async () => 'mine')).toBe('mine');
});

test("withLock: gives up after the time, with the caller's error", async () => {
  const busy = new Error('busy');
  await withLock(folder, {}, async () => {
    const wait = { timeoutMs: 100, onTimeout: () => busy };
    await expect(withLock(folder, wait, async () => 'never')).rejects.toBe(busy);
  });
  expect(await readdir(folder)).toEqual([]);
});

test('withLock: the ticket of an earlier process with the same number does not count', async () => {
  const [place, pid] = ownMark().split('-');
  await withLock(folder, {}, async () => undefined);
  await writeFile(join(folder, `ticket-1-${place}-${pid}-1-abcd`), '');
  expect(await withLock(folder, { timeoutMs: 1_000 }, async () => 'mine')).toBe('mine');
});
