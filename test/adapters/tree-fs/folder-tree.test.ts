import { execFileSync } from 'node:child_process';
import { createHash, randomBytes } from 'node:crypto';
import { mkdir, mkdtemp, rm, symlink, truncate, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { openFolderTree } from '../../../src/adapters/tree-fs/folder-tree.js';

let root: string;
beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), 'promptos-tree-'));
});
afterEach(() => rm(root, { recursive: true, force: true }));

const sha256 = (bytes: Uint8Array) => createHash('sha256').update(bytes).digest('hex');

test('openFolderTree: tells everything that lies there, in order, and what it is', async () => {
  await mkdir(join(root, 'b/empty'), { recursive: true });
  await writeFile(join(root, 'b/x'), 'abc');
  await writeFile(join(root, 'a'), '');
  await symlink('a', join(root, 'c'));
  await symlink('b', join(root, 'd'));
  execFileSync('mkfifo', [join(root, 'e')]);
  const tree = await openFolderTree(root);
  expect((await tree.list()).map(({ path, kind }) => `${kind} ${path}`)).toEqual([
    'file a',
    'empty_folder b/empty',
    'file b/x',
    'link c',
    'link d',
    'special e',
  ]);
  expect((await tree.list()).find(({ path }) => path === 'b/x')?.bytes).toBe(3);
});

test.each([0, 1, 65_536, 1_048_576, 1_048_577, 3_000_000])(
  'openFolderTree: digest, bytes and stream of a file of %i bytes agree',
  async (size) => {
    const bytes = randomBytes(size);
    await writeFile(join(root, 'x'), bytes);
    const tree = await openFolderTree(root);
    expect(await tree.digest('x')).toEqual({ sha256: sha256(bytes), bytes: size });
    expect(sha256(await tree.read('x'))).toBe(sha256(bytes));
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
    await expect(tree.read(path)).rejects.toMatchObject({ code: 'FILE_NOT_READABLE' });
    await expect(tree.digest(path)).rejects.toMatchObject({ code: 'FILE_NOT_READABLE' });
    const stream = async () => {
      for await (const _ of tree.openStream(path));
    };
    await expect(stream()).rejects.toMatchObject({ code: 'FILE_NOT_READABLE' });
  }
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
  const { bytes } = await tree.digest('large');
  clearInterval(watch);
  expect(bytes).toBe(400_000_000);
  expect(most).toBeLessThan(32_000_000);
});
