import { mkdir, mkdtemp, rename, rm, symlink, utimes, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { execa } from 'execa';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { sealFolder, writtenSince } from '../../../../src/adapters/workspace/tree/written-since.js';

let root: string;
let folder: string;
beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), 'promptos-sealed-'));
  const draft = join(root, 'draft');
  await mkdir(join(draft, 'checkout/src'), { recursive: true });
  await writeFile(join(draft, 'checkout/src/a.js'), 'a');
  await writeFile(join(draft, 'checkout/src/b.js'), 'b');
  await writeFile(join(draft, 'prompt.md'), 'Do it.');
  const git = (...args: readonly string[]) =>
    execa('git', ['-c', 'user.name=a', '-c', 'user.email=a@example.org', ...args], { cwd: join(draft, 'checkout') });
  await git('init', '-q');
  await git('add', '.');
  await git('commit', '-qm', 'base');
  await sealFolder(draft);
  folder = join(root, 'folder');
  await mkdir(folder);
  // Folders of gates are made beside their place, and their parts are moved there.
  for (const name of ['checkout', 'prompt.md', '.promptos-made.json']) {
    await rename(join(draft, name), join(folder, name));
  }
});
afterEach(() => rm(root, { recursive: true, force: true }));

const git = (...args: readonly string[]) => execa('git', args, { cwd: join(folder, 'checkout') });

test('writtenSince: finds nothing in a folder that was only moved, read, and asked for its state', async () => {
  expect(await writtenSince(folder)).toEqual([]);
  await git('status');
  await git('update-index', '--refresh');
  expect(await writtenSince(folder)).toEqual([]);
});

test.each<[string, () => Promise<unknown>, string]>([
  ['a changed file', () => writeFile(join(folder, 'checkout/src/a.js'), 'c'), 'checkout/src/a.js'],
  ['a new file', () => writeFile(join(folder, 'output.json'), '{}'), 'output.json'],
  ['a note in a file that was made', () => writeFile(join(folder, 'prompt.md'), 'Done.'), 'prompt.md'],
  ['a removed file', () => rm(join(folder, 'checkout/src/b.js')), 'checkout/src'],
  ['a new folder', () => mkdir(join(folder, 'checkout/empty')), 'checkout'],
  ['a link', () => symlink('a.js', join(folder, 'checkout/src/c.js')), 'checkout/src/c.js'],
])('writtenSince: finds %s', async (_, write, path) => {
  await write();
  expect(await writtenSince(folder)).toContain(path);
});

test('writtenSince: finds a file whose time of modification was set back, also one that was moved into the folder', async () => {
  const before = new Date('2020-01-01T00:00:00Z');
  const path = join(folder, 'checkout/src/a.js');
  await writeFile(path, 'c');
  await utimes(path, before, before);
  expect(await writtenSince(folder)).toEqual(['checkout/src/a.js']);
  const moved = join(root, 'fix.patch');
  await writeFile(moved, 'patch');
  await utimes(moved, before, before);
  await rename(moved, join(folder, 'fix.patch'));
  expect(await writtenSince(folder)).toEqual(expect.arrayContaining(['checkout/src/a.js', 'fix.patch']));
});

test('writtenSince: finds work that git alone has', async () => {
  await writeFile(join(folder, 'checkout/src/a.js'), 'c');
  await git('-c', 'user.name=a', '-c', 'user.email=a@example.org', 'stash');
  expect(await writtenSince(folder)).toContain('checkout/.git/refs/stash');
});

test('writtenSince: knows nothing of a folder without a seal, or with a broken one', async () => {
  await writeFile(join(folder, '.promptos-made.json'), '{');
  expect(await writtenSince(folder)).toBeNull();
  await rm(join(folder, '.promptos-made.json'));
  expect(await writtenSince(folder)).toBeNull();
});
