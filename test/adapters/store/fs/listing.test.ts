import { chmod, mkdir, mkdtemp, readdir, rename, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { createFileSystemStore } from '../../../../src/adapters/store/fs/file-system-store.js';

let directory: string;
beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'promptos-listing-'));
  const store = createFileSystemStore(directory);
  const { sha256, bytes } = await store.putObject(Buffer.from('x'));
  for (const runId of ['run-1', 'run-2']) {
    await store.publish(runId, [{ path: 'a', media_type: 'text/plain', sha256, bytes }]);
  }
});
afterEach(() => rm(directory, { recursive: true, force: true }));

const listed = async () => (await createFileSystemStore(directory).list()).map(({ run_id }) => run_id).sort();
const entries = async () =>
  (await readdir(join(directory, 'listing'))).map((name) => name.replace(/^\d{13}\./, '')).sort();
/** What every process does before it writes into the store for the first time. */
const write = () => createFileSystemStore(directory).putObject(Buffer.from('y'));

test('list: no manifest is read for a run that has an entry', async () => {
  const before = await createFileSystemStore(directory).list();
  await rm(join(directory, 'manifests'), { recursive: true });
  expect(await createFileSystemStore(directory).list()).toEqual(before);
});

test('list: a store without entries is listed by its manifests, and the next writer makes the entries', async () => {
  const before = await createFileSystemStore(directory).list();
  await rm(join(directory, 'listing'), { recursive: true });
  expect(await createFileSystemStore(directory).list()).toEqual(before);
  expect(await readdir(directory)).not.toContain('listing');
  await write();
  expect(await entries()).toEqual(['run-1', 'run-2']);
  expect(await createFileSystemStore(directory).list()).toEqual(before);
});

test('list: an entry without a tree lists nothing, and the next writer removes it', async () => {
  await rm(join(directory, 'runs/run-1'), { recursive: true });
  await writeFile(join(directory, 'listing/1767312000000.run-3'), '');
  expect(await listed()).toEqual(['run-2']);
  await write();
  expect(await entries()).toEqual(['run-2']);
});

test('list: a run with two entries is listed by its manifest, and the next writer leaves one entry', async () => {
  const before = await createFileSystemStore(directory).list();
  for (const [run, time] of [
    ['run-1', '0000000000001'],
    ['run-2', '9999999999999'],
  ] as const) {
    await writeFile(join(directory, `listing/${time}.${run}`), '');
  }
  expect(await createFileSystemStore(directory).list()).toEqual(before);
  await write();
  expect(await entries()).toEqual(['run-1', 'run-2']);
  expect(await createFileSystemStore(directory).list()).toEqual(before);
});

test('list: a link in the place of the listing is not followed', async () => {
  await rename(join(directory, 'listing'), join(directory, 'away'));
  await symlink(join(directory, 'away'), join(directory, 'listing'));
  await expect(write()).rejects.toMatchObject({ code: 'PATH_ESCAPES' });
});

test('list: names that are no entries, and trees that are no folders, are passed over', async () => {
  await writeFile(join(directory, 'listing/notes.txt'), '');
  await writeFile(join(directory, 'runs/run-9'), '');
  expect(await listed()).toEqual(['run-1', 'run-2']);
});

test('publish: a listing that cannot be written keeps no run from being published', async () => {
  const store = createFileSystemStore(directory);
  const { sha256, bytes } = await store.putObject(Buffer.from('x'));
  await rename(join(directory, 'listing'), join(directory, 'away'));
  await store.publish('run-4', [{ path: 'a', media_type: 'text/plain', sha256, bytes }]);
  await mkdir(join(directory, 'listing'));
  expect(await listed()).toEqual(['run-1', 'run-2', 'run-4']);
});

test.skipIf(process.getuid?.() === 0)(
  'list: a store from before, not writable itself, is written to all the same',
  async () => {
    await rm(join(directory, 'listing'), { recursive: true });
    await chmod(directory, 0o555);
    try {
      await write();
      expect(await listed()).toEqual(['run-1', 'run-2']);
    } finally {
      await chmod(directory, 0o755);
    }
  },
);
