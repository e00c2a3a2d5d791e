import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { fsync } from 'node:fs';
import { mkdtemp, readdir, readFile, rm, stat, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import {
  placeFiles,
  removeAsides,
  replaceFile,
  replaceFileSync,
  replaceWithStream,
  syncFolder,
} from '../../../src/adapters/platform/durable-files.js';

vi.mock('node:fs', async (load) => {
  const fs = await load<typeof import('node:fs')>();
  return { ...fs, fsync: vi.fn(fs.fsync) };
});

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'promptos-files-'));
});
afterEach(() => rm(folder, { recursive: true, force: true }));

const read = (name: string): Promise<string> => readFile(join(folder, name), 'utf8');

test('replaceFile: writes and replaces with the permissions asked for, and leaves nothing beside', async () => {
  const path = join(folder, 'a');
  await replaceFile({ path, text: 'one', mode: 0o600 });
  await replaceFile({ path, text: 'two' });
  expect([await read('a'), (await stat(path)).mode & 0o777]).toEqual(['two', 0o600]);
  replaceFileSync({ path, text: 'three', mode: 0o640 });
  expect([await read('a'), (await stat(path)).mode & 0o777]).toEqual(['three', 0o640]);
  expect(await readdir(folder)).toEqual(['a']);
});

test('replaceFile: a reader never sees a part', async () => {
  const path = join(folder, 'a');
  const texts = ['x'.repeat(300_000), 'y'.repeat(200_000)];
  await replaceFile({ path, text: texts[0] ?? '' });
  const writing = Promise.all(Array.from({ length: 20 }, (_, i) => replaceFile({ path, text: texts[i % 2] ?? '' })));
  for (let i = 0; i < 50; i += 1) expect(texts.includes(await read('a'))).toBe(true);
  await writing;
  expect(await readdir(folder)).toEqual(['a']);
});

test('replaceWithStream: replaces a file whole, and leaves the old one when the stream fails', async () => {
  const path = join(folder, 'a');
  const content = async function* (fails: boolean) {
    yield Buffer.from('new ');
    if (fails) throw new Error('broken off');
    yield Buffer.from('text');
  };
  await writeFile(path, 'old');
  await expect(replaceWithStream(path, content(true))).rejects.toThrow('broken off');
  expect([await read('a'), await readdir(folder)]).toEqual(['old', ['a']]);
  await replaceWithStream(path, content(false));
  expect([await read('a'), await readdir(folder)]).toEqual(['new text', ['a']]);
});

test('placeFiles: refuses with EEXIST what exists, a link included, and replaces it only when asked to', async () => {
  await writeFile(join(folder, 'victim'), 'victim');
  await symlink(join(folder, 'victim'), join(folder, 'a'));
  const files = [{ path: join(folder, 'a'), text: 'new' }];
  await expect(placeFiles(files, { replace: false })).rejects.toMatchObject({
    code: 'EEXIST',
    dest: join(folder, 'a'),
  });
  await placeFiles(files, { replace: true });
  expect([await read('a'), await read('victim')]).toEqual(['new', 'victim']);
  expect((await readdir(folder)).sort()).toEqual(['a', 'victim']);
});

test('placeFiles: none appears when one cannot be written, nor when the step before placing fails', async () => {
  const good = { path: join(folder, 'a'), text: 'a' };
  const bad = { path: join(folder, 'missing', 'b'), text: 'b' };
  await expect(placeFiles([good, bad], { replace: true })).rejects.toMatchObject({ code: 'ENOENT' });
  const beforePlacing = () => Promise.reject(new Error('no'));
  await expect(placeFiles([good], { replace: true, beforePlacing })).rejects.toThrow('no');
  expect(await readdir(folder)).toEqual([]);
});

test('syncFolder: callers at the same time share a sync, and one that comes during it gets the next', async () => {
  vi.mocked(fsync).mockClear();
  const first = [syncFolder(folder), syncFolder(folder), syncFolder(folder)];
  await vi.waitFor(() => expect(fsync).toHaveBeenCalledTimes(1));
  // Under way or over: in both cases a sync that began before this call does not count for it.
  const later = [syncFolder(folder), syncFolder(folder)];
  await Promise.all([...first, ...later]);
  expect(fsync).toHaveBeenCalledTimes(2);
});

test('syncFolder: an error reaches its callers, and the next sync runs again', async () => {
  const missing = join(folder, 'missing');
  await expect(syncFolder(missing)).rejects.toMatchObject({ code: 'ENOENT' });
  await expect(Promise.all([syncFolder(missing), syncFolder(missing)])).rejects.toMatchObject({ code: 'ENOENT' });
  await syncFolder(folder);
});

const MODULE = new URL('../../../dist/adapters/platform/durable-files.js', import.meta.url);

/** Ends a process while it writes a file aside. @returns what is in the folder then */
async function endedWhileWriting(how: 'exit' | 'SIGKILL'): Promise<readonly string[]> {
  const source = `import { replaceWithStream } from ${JSON.stringify(MODULE.href)};
    await replaceWithStream(process.argv[1], (async function* () {
      yield Buffer.from('a part');
      setTimeout(() => process.stdout.write('written'), 50);
      await new Promise((resolve) => setTimeout(resolve, 60_000));
    })());`;
  const child = spawn(
    process.execPath,
    ['--input-type=module', '-e', `process.on('SIGTERM', () => process.exit());${source}`, join(folder, 'a')],
    { stdio: ['ignore', 'pipe', 'inherit'] },
  );
  child.stdout.once('data', () => child.kill(how === 'exit' ? 'SIGTERM' : how));
  await once(child, 'close');
  return readdir(folder);
}

/** Ends a process by a signal, as commands end, when files are written aside and none has appeared. @returns what is left */
async function endedBeforePlacing(call: string): Promise<readonly string[]> {
  const source = `import fs from 'node:fs';
    import { syncBuiltinESMExports } from 'node:module';
    fs.rename = fs.promises.rename = fs.promises.link = () => {
      process.stdout.write('written');
      return new Promise((resolve) => setTimeout(resolve, 60_000));
    };
    syncBuiltinESMExports();
    const { placeFiles, replaceFile } = await import(${JSON.stringify(MODULE.href)});
    process.once('SIGTERM', () => {
      process.once('exit', () => process.kill(process.pid, 'SIGKILL'));
      process.exit();
    });
    const path = process.argv[1];
    await ${call};`;
  const child = spawn(process.execPath, ['--input-type=module', '-e', source, join(folder, 'a')], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  child.stdout.once('data', () => child.kill('SIGTERM'));
  expect(await once(child, 'close')).toEqual([null, 'SIGKILL']);
  return readdir(folder);
}

test.each([`replaceFile({ path, text: 'a' })`, `placeFiles([{ path, text: 'a', mode: 0o600 }], { replace: false })`])(
  '%s: a process that a signal ends meanwhile leaves nothing',
  async (call) => {
    expect(await endedBeforePlacing(call)).toEqual([]);
  },
);

test('replaceFile: follows a link, and removes what a killed process was writing', async () => {
  await endedWhileWriting('SIGKILL');
  await writeFile(join(folder, 'a'), 'old', { mode: 0o640 });
  await symlink('a', join(folder, 'link'));
  await replaceFile({ path: join(folder, 'link'), text: 'new' });
  expect([await read('a'), (await stat(join(folder, 'a'))).mode & 0o777]).toEqual(['new', 0o640]);
  expect((await readdir(folder)).sort()).toEqual(['a', 'link']);
});

test('replaceWithStream: a process that ends meanwhile leaves nothing', async () => {
  expect(await endedWhileWriting('exit')).toEqual([]);
});

test('removeAsides: removes what a killed process was writing, as placeFiles does, and nothing of a living one', async () => {
  const [left = ''] = await endedWhileWriting('SIGKILL');
  expect(left).toMatch(/^\.promptos-aside-/);
  await placeFiles([{ path: join(folder, 'b'), text: 'b' }], { replace: false });
  expect(await readdir(folder)).toEqual(['b']);
  await endedWhileWriting('SIGKILL');
  await replaceWithStream(
    join(folder, 'c'),
    (async function* () {
      await removeAsides([folder]);
      expect(await readdir(folder)).toEqual([expect.stringMatching(/^\.promptos-aside-/), 'b']);
      yield Buffer.from('c');
    })(),
  );
  expect(await readdir(folder)).toEqual(['b', 'c']);
});
