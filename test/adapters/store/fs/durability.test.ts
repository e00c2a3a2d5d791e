import { link, mkdir, mkdtemp, readdir, rename, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { syncFolder } from '../../../../src/adapters/platform/durable-files.js';
import { createFileSystemStore } from '../../../../src/adapters/store/fs/file-system-store.js';

vi.mock('../../../../src/adapters/platform/durable-files.js', async (original) => {
  const files = await original<typeof import('../../../../src/adapters/platform/durable-files.js')>();
  return { ...files, syncFolder: vi.fn(files.syncFolder) };
});

const CONTENT = Buffer.from('x');
const FOLDER = '2d';

let directory: string;
beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'promptos-durable-'));
});
afterEach(() => rm(directory, { recursive: true, force: true }));

/** A store whose folders are made and durable. */
async function preparedStore() {
  const store = createFileSystemStore(directory);
  await store.putObject(Buffer.from('something else'));
  vi.mocked(syncFolder).mockClear();
  return store;
}

const forced = (): string[] => vi.mocked(syncFolder).mock.calls.map(([path]) => path.slice(directory.length + 1));

test('putObject: a folder that a killed writer made is forced to the medium before an object in it counts', async () => {
  const store = await preparedStore();
  await mkdir(join(directory, 'objects', FOLDER));
  await store.putObject(CONTENT);
  expect(forced().sort()).toEqual(['objects', `objects/${FOLDER}`]);
  vi.mocked(syncFolder).mockClear();
  await store.putObject(CONTENT);
  expect(forced()).toEqual([]);
});

test('putObject: an object counts only when the folder that another call has made is on the medium', async () => {
  const store = await preparedStore();
  let finish = (): void => undefined;
  const real = vi.mocked(syncFolder).getMockImplementation() as typeof syncFolder;
  const held = new Promise<void>((resolve) => {
    finish = resolve;
  });
  vi.mocked(syncFolder).mockImplementation((path) =>
    path.endsWith('/objects') ? held.then(() => real(path)) : real(path),
  );
  try {
    const done: number[] = [];
    const puts = [1, 2].map((number) => store.putObject(CONTENT).then(() => done.push(number)));
    await expect.poll(() => forced().filter((path) => path === `objects/${FOLDER}`)).not.toEqual([]);
    await new Promise((resolve) => setTimeout(resolve, 50));
    expect(done).toEqual([]);
    finish();
    await Promise.all(puts);
  } finally {
    vi.mocked(syncFolder).mockImplementation(real);
  }
});

test('putObject: an object that was removed and is there again, with the same inode, is forced to the medium again', async () => {
  const store = await preparedStore();
  const { sha256 } = await store.putObject(CONTENT);
  const path = join(directory, 'objects', sha256.slice(0, 2), sha256.slice(2));
  await link(path, join(directory, 'aside'));
  await rm(path);
  await rename(join(directory, 'aside'), path);
  vi.mocked(syncFolder).mockClear();
  await store.putObject(CONTENT);
  expect(forced()).toEqual([dirname(path).slice(directory.length + 1)]);
});

test('appendJournal: the folder of a run that a killed writer made is forced to the medium', async () => {
  const store = await preparedStore();
  await mkdir(join(directory, 'journals/run-1'));
  await store.appendJournal('run-1', Buffer.from('{}'));
  await store.appendJournal('run-1', Buffer.from('{}'));
  expect(forced()).toEqual(['journals', 'journals/run-1', 'journals/run-1']);
});

test('publish: once more, the entry of the listing stays', async () => {
  const store = await preparedStore();
  const { sha256, bytes } = await store.putObject(CONTENT);
  const files = [{ path: 'a', media_type: 'text/plain', sha256, bytes }];
  await store.publish('run-1', files);
  const listing = await readdir(join(directory, 'listing'));
  await store.publish('run-1', files);
  expect(await readdir(join(directory, 'listing'))).toEqual(listing);
});
