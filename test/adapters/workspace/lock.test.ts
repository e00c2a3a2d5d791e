import { once } from 'node:events';
import { readdir, utimes, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { withLock } from '../../../src/adapters/platform/lock.js';
import { markOf, ownMark, stateOfMark } from '../../../src/adapters/platform/process-identity.js';
import { spawnTypeScript } from '../../support/typescript-child.js';
import { makeRoom } from '../git-fixtures.js';

let room: Awaited<ReturnType<typeof makeRoom>>;
let folder: string;
beforeEach(async () => {
  room = await makeRoom();
  folder = join(room.root, 'lock');
});
afterEach(() => room.remove());

test('withLock: one holder at a time, and nothing is left', async () => {
  let inside = 0;
  let most = 0;
  const work = async () => {
    inside += 1;
    most = Math.max(most, inside);
    await new Promise((resolve) => setTimeout(resolve, 5));
    inside -= 1;
  };
  await Promise.all(Array.from({ length: 12 }, () => withLock(folder, undefined, work)));
  expect(most).toBe(1);
  expect(await readdir(folder)).toEqual([]);
});

test('withLock: gives the lock back when the work fails, and its error passes', async () => {
  const failure = new Error('no');
  await expect(withLock(folder, undefined, () => Promise.reject(failure))).rejects.toBe(failure);
  expect(await withLock(folder, undefined, async () => 'next')).toBe('next');
});

test('withLock: whoever waits can be cancelled', async () => {
  const abort = new AbortController();
  await withLock(folder, undefined, async () => {
    const waiting = withLock(folder, abort.signal, async () => 'never');
    const outcome = expect(waiting).rejects.toMatchObject({ name: 'AbortError' });
    abort.abort();
    await outcome;
  });
  expect(await readdir(folder)).toEqual([]);
});

test("withLock: a holder that is killed with SIGKILL stands in nobody's way, a living one does", async () => {
  const holder = spawnTypeScript('test/adapters/workspace/lock-holder.ts', [folder]);
  try {
    await once(holder.stdout, 'data');
    let entered = false;
    const waiting = withLock(folder, undefined, async () => {
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
  await withLock(folder, undefined, async () => undefined);
  await writeFile(ticket, '');
  const abort = new AbortController();
  const waiting = withLock(folder, abort.signal, async () => 'mine');
  const outcome = expect(waiting).rejects.toMatchObject({ name: 'AbortError' });
  await new Promise((resolve) => setTimeout(resolve, 200));
  abort.abort();
  await outcome;
  const longAgo = new Date(Date.now() - 3_600_000);
  await utimes(ticket, longAgo, longAgo);
  expect(await withLock(folder, undefined, async () => 'mine')).toBe('mine');
});

test('stateOfMark: this process lives, its number with another start is dead, another place cannot be asked', () => {
  const [place, pid] = ownMark().split('-');
  expect(stateOfMark(ownMark())).toBe('alive');
  expect(markOf(process.pid)).toBe(ownMark());
  expect(stateOfMark(`${place}-${pid}-1`)).toBe('dead');
  expect(stateOfMark(`${'0'.repeat(10)}-${pid}-1`)).toBe('elsewhere');
});
