import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { mkdir, mkdtemp, readdir, readFile, rm, truncate, utimes, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, onTestFinished, test } from 'vitest';
import { createKeptFolders, KEPT_LIMITS, type KeptLimits } from '../../../src/adapters/platform/kept-folders.js';
import { markOf } from '../../../src/adapters/platform/process-identity.js';

let top: string;
beforeEach(async () => {
  top = await mkdtemp(join(tmpdir(), 'promptos-kept-'));
});
afterEach(() => rm(top, { recursive: true, force: true }));

const root = () => join(top, 'kept');
const open = (limits: Partial<KeptLimits> = {}) => createKeptFolders(root(), { ...KEPT_LIMITS, ...limits });

async function source(name: string, bytes = 10): Promise<string> {
  const folder = join(top, 'sources', name);
  await mkdir(folder, { recursive: true });
  await writeFile(join(folder, 'file'), name.slice(0, 1).repeat(bytes));
  return folder;
}

test('kept folders: processes that keep the same key at the same time all succeed, and one whole folder is kept', async () => {
  const folder = await source('a');
  for (let round = 0; round < 10; round += 1) {
    const processes = Array.from({ length: 8 }, () => open());
    await Promise.all(processes.map((kept) => kept.keep(`key-${round}`, folder)));
    const found = await open().use(`key-${round}`);
    expect(await readFile(join(found?.folder ?? '', 'file'), 'utf8')).toBe('a'.repeat(10));
  }
  expect((await readdir(root())).filter((name) => name.startsWith('work-'))).toEqual([]);
});

test('kept folders: one whose size was lost in a crash is replaced, not taken for the same', async () => {
  const kept = open();
  const folder = await source('a');
  await kept.keep('key', folder);
  await truncate(join(root(), 'key', 'size'));
  expect(await kept.use('key')).toBeNull();
  await kept.keep('key', folder);
  expect(await kept.use('key')).toMatchObject({ files: 2 });
});

test('kept folders: those that were not used for the longest time go when all take more than the limit', async () => {
  const kept = open({ totalBytes: 250 });
  for (const [name, days] of [
    ['a', 3],
    ['b', 2],
  ] as const) {
    await kept.keep(name, await source(name, 100));
    const used = new Date(Date.now() - days * 86_400_000);
    await utimes(join(root(), name), used, used);
  }
  await kept.use('a');
  await kept.keep('c', await source('c', 100));
  expect((await readdir(root())).sort()).toEqual(['a', 'c']);
});

test('kept folders: one that was not used for the time of the limit goes with the next that is kept', async () => {
  const kept = open({ unusedMs: 86_400_000 });
  await kept.keep('old', await source('o'));
  const used = new Date(Date.now() - 2 * 86_400_000);
  await utimes(join(root(), 'old'), used, used);
  await kept.keep('new', await source('n'));
  expect(existsSync(join(root(), 'old'))).toBe(false);
  expect(await kept.use('new')).not.toBeNull();
});

test('kept folders: one that is larger than the limit is refused, and leaves nothing', async () => {
  await expect(open({ folderBytes: 99 }).keep('key', await source('a', 100))).rejects.toThrow('too large');
  await expect(open({ folderFiles: 1 }).keep('key', await source('a', 100))).rejects.toThrow('too large');
  expect(await readdir(root())).toEqual([]);
});

test('kept folders: what a living process has pinned stays, and a process that has ended pins nothing any more', async () => {
  const kept = open({ unusedMs: 1_000 });
  const age = () => utimes(join(root(), 'key'), new Date(0), new Date(0));
  await kept.keep('key', await source('a'));
  const child = spawn(process.execPath, ['-e', 'setInterval(() => undefined, 1_000)'], { stdio: 'ignore' });
  onTestFinished(() => void child.kill('SIGKILL'));
  await mkdir(join(root(), `pin-key-${markOf(child.pid ?? 0)}-a1b2c3`));
  await age();
  await kept.keep('other', await source('b'));
  expect((await readdir(root())).sort()).toMatchObject(['key', 'other', expect.stringMatching('^pin-key-')]);
  child.kill('SIGKILL');
  await once(child, 'exit');
  await kept.keep('third', await source('c'));
  expect((await readdir(root())).sort()).toEqual(['other', 'third']);
});

test('kept folders: one that was written to is discarded; whoever has pinned it goes on with it', async () => {
  const kept = open();
  await kept.keep('key', await source('a'));
  const unpin = await kept.pin('key');
  await kept.discard('key');
  expect(await kept.use('key')).toBeNull();
  const [work = ''] = (await readdir(root())).filter((name) => name.startsWith('work-'));
  expect(await readFile(join(root(), work, 'old/files/file'), 'utf8')).toBe('a'.repeat(10));
  unpin?.();
  await kept.keep('key', await source('b'));
  await kept.discard('key');
  await kept.discard('key');
  expect(await readdir(root())).toEqual([work]);
});
