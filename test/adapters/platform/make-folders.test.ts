import { existsSync } from 'node:fs';
import { mkdir, mkdtemp, rm, stat, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { makeFolders, makeFoldersSync } from '../../../src/adapters/platform/make-folders.js';

async function folder(): Promise<string> {
  const path = await mkdtemp(join(tmpdir(), 'promptos-folders-'));
  onTestFinished(() => rm(path, { recursive: true, force: true }));
  return path;
}

const WAYS: [string, (path: string, mode?: number) => Promise<unknown>][] = [
  ['makeFolders', makeFolders],
  ['makeFoldersSync', async (path, mode) => makeFoldersSync(path, mode)],
];

test.each(WAYS)('%s: makes all that is missing with the mode, and finds what exists', async (_, make) => {
  const top = await folder();
  const path = join(top, 'a', 'b', 'c');
  await make(path, 0o700);
  for (const one of ['a', 'a/b', 'a/b/c']) expect((await stat(join(top, one))).mode & 0o777).toBe(0o700);
  await make(path);
  await make('/');
});

test('makeFolders: returns the topmost folder that was made', async () => {
  const top = await folder();
  expect(await makeFolders(join(top, 'a', 'b'))).toBe(join(top, 'a'));
  expect(await makeFolders(join(top, 'a', 'b'))).toBeUndefined();
  expect(await makeFolders(join(top, 'a', 'b', 'c'))).toBe(join(top, 'a', 'b', 'c'));
});

test.each(WAYS)('%s: a link to a folder is a folder; a file and a broken link are none', async (_, make) => {
  const top = await folder();
  await mkdir(join(top, 'real'));
  await symlink('real', join(top, 'link'));
  await make(join(top, 'link', 'new'));
  await writeFile(join(top, 'file'), '');
  await expect(make(join(top, 'file'))).rejects.toMatchObject({ code: 'EEXIST' });
  await expect(make(join(top, 'file', 'below'))).rejects.toMatchObject({ code: 'ENOTDIR' });
  await symlink('missing', join(top, 'broken'));
  await expect(make(join(top, 'broken'))).rejects.toMatchObject({ code: 'EEXIST' });
});

test('makeFolders: many at once make one folder, and one of them made it', async () => {
  const path = join(await folder(), 'a', 'b', 'c');
  const made = await Promise.all(Array.from({ length: 20 }, () => makeFolders(path)));
  expect(existsSync(path)).toBe(true);
  expect(made.filter((one) => one !== undefined).length).toBeGreaterThan(0);
});

test.runIf(existsSync('/proc/self'))(
  'makeFolders and makeFoldersSync: end with ENOENT in a file system that makes no folders',
  async () => {
    for (const [, make] of WAYS) {
      await expect(make('/proc/promptos/keys')).rejects.toMatchObject({ code: 'ENOENT' });
    }
  },
);
