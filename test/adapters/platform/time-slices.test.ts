import { execFileSync } from 'node:child_process';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { nextTurn, readIfPresent, timeIsUp, writeLocalFile } from '../../../src/adapters/platform/time-slices.js';

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'promptos-slices-'));
});
afterEach(() => rm(folder, { recursive: true, force: true }));

test('timeIsUp: all work of one turn of the event loop shares its time, and the next turn has time again', async () => {
  await nextTurn();
  let now = 1_000;
  const clock = vi.spyOn(performance, 'now').mockImplementation(() => now);
  try {
    const answers = [timeIsUp()];
    for (const time of [1_005, 1_009]) {
      now = time;
      answers.push(timeIsUp());
    }
    await nextTurn();
    expect([...answers, timeIsUp()]).toEqual([false, false, true, false]);
  } finally {
    clock.mockRestore();
  }
});

test('readIfPresent: reads small files and large ones, and a missing file is null', async () => {
  const large = Buffer.alloc(3 * 1_024 * 1_024, 'x');
  await writeFile(join(folder, 'small'), 'text');
  await writeFile(join(folder, 'large'), large);
  expect(await readIfPresent(join(folder, 'small'))).toEqual(Buffer.from('text'));
  expect((await readIfPresent(join(folder, 'large')))?.equals(large)).toBe(true);
  expect(await readIfPresent(join(folder, 'missing'))).toBeNull();
});

test('readIfPresent: does not wait for a named pipe, and refuses a folder', async () => {
  execFileSync('mkfifo', [join(folder, 'pipe')]);
  await expect(readIfPresent(join(folder, 'pipe'))).rejects.toThrow('is not a regular file');
  await expect(readIfPresent(folder)).rejects.toThrow('is not a regular file');
});

test('writeLocalFile: replaces what a file has, small and large, and does not wait for the reader of a named pipe', async () => {
  const [file, pipe] = [join(folder, 'file'), join(folder, 'pipe')];
  for (const content of [Buffer.alloc(3 * 1_024 * 1_024, 'x'), Buffer.from('text')]) {
    await writeLocalFile(file, content);
    expect((await readFile(file)).equals(content)).toBe(true);
  }
  execFileSync('mkfifo', [pipe]);
  await expect(writeLocalFile(pipe, 'text')).rejects.toMatchObject({ code: 'ENXIO' });
});
