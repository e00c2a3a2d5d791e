import { execFileSync } from 'node:child_process';
import { createHash, randomBytes } from 'node:crypto';
import { appendFileSync } from 'node:fs';
import { mkdir, mkdtemp, rm, symlink, truncate, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { openFolderTree } from '../../../src/adapters/tree/folder-tree.js';

let root: string;
beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), 'promptos-tree-'));
});
afterEach(() => rm(root, { recursive: true, force: true }));

const LIMITS = { entries: 100, depth: 4 };
const sha256 = (bytes: Uint8Array) => createHash('sha256').update(bytes).digest('hex');

test('openFolderTree: lists every entry in order, with its kind', async () => {
  await mkdir(join(root, 'b/empty'), { recursive: true });
  await writeFile(join(root, 'b/x'), 'abc');
  await writeFile(join(root, 'a'), '');
  await symlink('a', join(root, 'c'));
  await symlink('b', join(root, 'd'));
  execFileSync('mkfifo', [join(root, 'e')]);
  const tree = await openFolderTree(root);
  expect((await tree.list(LIMITS)).map(({ path, kind }) => `${kind} ${path}`)).toEqual([
    'file a',
    'empty_folder b/empty',
    'file b/x',
    'link c',
    'link d',
    'special e',
  ]);
  expect((await tree.list(LIMITS)).find(({ path }) => path === 'b/x')?.bytes).toBe(3);
});

test.each([0, 1, 65_536, 1_048_576, 1_048_577, 3_000_000])(
  'openFolderTree: digest, bytes and stream of a file of %i bytes agree',
  async (size) => {
    const bytes = randomBytes(size);
    await writeFile(join(root, 'x'), bytes);
    const tree = await openFolderTree(root);
    expect(await tree.digest('x', size)).toEqual({ sha256: sha256(bytes), bytes: size });
    expect(sha256(await tree.read('x', size))).toBe(sha256(bytes));
    const hash = createHash('sha256');
    for await (const chunk of tree.openStream('x')) hash.update(chunk);
    expect(hash.digest('hex')).toBe(sha256(bytes));
  },
);

test('openFolderTree: follows no link and waits for no pipe', async () => {
  await writeFile(join(root, 'a'), 'secret');
  await symlink('a', join(root, 'link'));
  execFileSync('mkfifo', [join(root, 'pipe')]);
  const tree = await openFolderTree(root);
  for (const path of ['link', 'pipe', 'missing']) {
    await expect(tree.read(path, 100)).rejects.toMatchObject({ code: 'FILE_NOT_READABLE' });
    await expect(tree.digest(path, 100)).rejects.toMatchObject({ code: 'FILE_NOT_READABLE' });
    const stream = async () => {
      for await (const _ of tree.openStream(path));
    };
    await expect(stream()).rejects.toMatchObject({ code: 'FILE_NOT_READABLE' });
  }
});

test('openFolderTree: stops one entry after the limit, and does not walk what is too deep', async () => {
  for (const name of ['a', 'b', 'c', 'd', 'e']) await writeFile(join(root, name), '');
  const tree = await openFolderTree(root);
  expect(await tree.list({ entries: 3, depth: 4 })).toHaveLength(4);
  await mkdir(join(root, 'f/g/h/i'), { recursive: true });
  await writeFile(join(root, 'f/g/h/i/j'), '');
  const paths = (await tree.list({ entries: 100, depth: 2 })).map(({ path, kind }) => `${kind} ${path}`);
  expect(paths).toEqual(['file a', 'file b', 'file c', 'file d', 'file e', 'empty_folder f/g/h']);
});

test('openFolderTree: a file that is longer than wanted is neither read nor hashed to its end', async () => {
  await writeFile(join(root, 'large'), '');
  await truncate(join(root, 'large'), 20_000_000_000);
  const tree = await openFolderTree(root);
  expect((await tree.read('large', 1_000)).byteLength).toBe(1_001);
  const { bytes } = await tree.digest('large', 1_000);
  expect(bytes).toBeGreaterThan(1_000);
  expect(bytes).toBeLessThan(10_000_000);
});

test('openFolderTree: a file that grows while it is read is read to the limit', async () => {
  await writeFile(join(root, 'log'), 'x'.repeat(1_000));
  const tree = await openFolderTree(root);
  const grow = setInterval(() => appendFileSync(join(root, 'log'), 'x'.repeat(1_000_000)), 0);
  const length = (await tree.read('log', 200_000)).byteLength;
  clearInterval(grow);
  expect(length).toBeLessThanOrEqual(200_001);
});

test('openFolderTree: refuses what is no folder', async () => {
  await writeFile(join(root, 'a'), '');
  await expect(openFolderTree(join(root, 'a'))).rejects.toMatchObject({ code: 'FILE_NOT_READABLE' });
  await expect(openFolderTree(join(root, 'none'))).rejects.toMatchObject({ code: 'FILE_NOT_READABLE' });
});

test('openFolderTree: the memory of a digest does not grow with the file', async () => {
  await writeFile(join(root, 'large'), '');
  await truncate(join(root, 'large'), 400_000_000);
  const tree = await openFolderTree(root);
  const before = process.memoryUsage().arrayBuffers;
  let most = 0;
  const watch = setInterval(() => {
    most = Math.max(most, process.memoryUsage().arrayBuffers - before);
  }, 5);
  const { bytes } = await tree.digest('large', 400_000_000);
  clearInterval(watch);
  expect(bytes).toBe(400_000_000);
  expect(most).toBeLessThan(32_000_000);
});
