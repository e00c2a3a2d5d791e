import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import {
  chmod,
  lstat,
  mkdir,
  mkdtemp,
  readdir,
  readFile,
  rename,
  rm,
  symlink,
  utimes,
  writeFile,
} from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { markOf, ownMark } from '../../../../src/adapters/platform/process-identity.js';
import { readError, writeError } from '../../../../src/adapters/store/fs/durable-files.js';
import { createFileSystemStore } from '../../../../src/adapters/store/fs/file-system-store.js';
import type { ArtifactRef } from '../../../../src/contracts/primitives.js';
import { describeArtifactStore } from '../artifact-store-conformance.js';

const objectFile = (directory: string, sha256: string): string =>
  join(directory, 'objects', sha256.slice(0, 2), sha256.slice(2));

describeArtifactStore('file system store', async () => {
  const directory = await mkdtemp(join(tmpdir(), 'promptos-store-'));
  return {
    store: createFileSystemStore(directory),
    reopen: () => createFileSystemStore(directory),
    damageObject: async (sha256, bytes) => {
      await chmod(objectFile(directory, sha256), 0o644);
      await writeFile(objectFile(directory, sha256), bytes);
    },
    unfinished: async () => readdir(join(directory, 'staging')),
    leftByKilledPut: 1,
    child: { entry: fileURLToPath(new URL('store-fs-child.ts', import.meta.url)), arguments: [directory] },
    remove: () => rm(directory, { recursive: true, force: true }),
  };
});

let directory: string;
beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'promptos-store-'));
});
afterEach(() => rm(directory, { recursive: true, force: true }));

async function fileOf(content: string, path: string): Promise<ArtifactRef> {
  const stored = await createFileSystemStore(directory).putObject(Buffer.from(content));
  return { path, ...stored, media_type: 'text/plain' };
}

const readPublished = async (runId: string, path: string): Promise<string> => {
  let text = '';
  for await (const chunk of createFileSystemStore(directory).openPublished(runId, path)) text += Buffer.from(chunk);
  return text;
};

test('published files: read-only copies, so that an edited one is OBJECT_CORRUPT and its object still good', async () => {
  const file = await fileOf('as approved', 'plan.md');
  const store = createFileSystemStore(directory);
  await store.publish('run-1', [file]);
  const path = join(store.locate('run-1'), 'plan.md');
  expect((await lstat(path)).mode & 0o777).toBe(0o444);
  expect((await lstat(path)).nlink).toBe(1);
  await chmod(path, 0o644);
  await writeFile(path, 'as I like it');
  await expect(readPublished('run-1', 'plan.md')).rejects.toMatchObject({ code: 'OBJECT_CORRUPT' });
  expect(Buffer.from(await store.readObject(file.sha256)).toString()).toBe('as approved');
});

// Node's own recursive mkdir never ends there.
test.skipIf(process.platform !== 'linux')(
  'file system store: a folder that cannot be made is an error, not a wait',
  async () => {
    const put = createFileSystemStore('/proc/promptos/store').putObject(Buffer.from('x'));
    await expect(put).rejects.toMatchObject({ code: 'STORE_NOT_WRITABLE' });
  },
);

test('openPublished: a link in the place of a file is PATH_ESCAPES', async () => {
  const file = await fileOf('as approved', 'evidence/plan.md');
  const store = createFileSystemStore(directory);
  await store.publish('run-1', [file]);
  const outside = await mkdtemp(join(tmpdir(), 'promptos-outside-'));
  await writeFile(join(outside, 'plan.md'), 'as approved');
  await rm(join(store.locate('run-1'), 'evidence'), { recursive: true });
  await symlink(outside, join(store.locate('run-1'), 'evidence'));
  await expect(readPublished('run-1', 'evidence/plan.md')).rejects.toMatchObject({ code: 'PATH_ESCAPES' });
  await rm(outside, { recursive: true });
});

test('publish: PATH_ESCAPES when a folder of the store is a link to elsewhere', async () => {
  const file = await fileOf('x', 'a');
  for (const name of ['runs', 'objects', 'manifests', 'staging']) {
    await rename(join(directory, name), join(directory, `${name}.away`));
    await symlink(join(directory, `${name}.away`), join(directory, name));
    await expect(createFileSystemStore(directory).publish('run-1', [file])).rejects.toMatchObject({
      code: 'PATH_ESCAPES',
    });
    await rm(join(directory, name));
    await rename(join(directory, `${name}.away`), join(directory, name));
  }
  await createFileSystemStore(directory).publish('run-1', [file]);
});

test('publish: killed between commitment and tree, the run is unpublished until anybody publishes it', async () => {
  const file = await fileOf('first', 'a');
  const store = createFileSystemStore(directory);
  await store.publish('run-1', [file]);
  const manifest = await readFile(join(directory, 'manifests/run-1/manifest.json'), 'utf8');
  // What a kill at that moment leaves behind.
  await rm(store.locate('run-1'), { recursive: true });
  expect(await store.published('run-1')).toBeNull();
  expect(await store.list()).toEqual([]);
  await store.publish('run-1', [file]);
  expect(await readPublished('run-1', 'a')).toBe('first');
  await rm(store.locate('run-1'), { recursive: true });
  const other = await fileOf('second', 'a');
  await expect(store.publish('run-1', [other])).rejects.toMatchObject({ code: 'RUN_ALREADY_PUBLISHED' });
  expect(await readPublished('run-1', 'a')).toBe('first');
  expect(await readFile(join(directory, 'manifests/run-1/manifest.json'), 'utf8')).toBe(manifest);
});

test('publish: a folder without a commitment is RUN_ALREADY_PUBLISHED, and reading it OBJECT_CORRUPT', async () => {
  const file = await fileOf('x', 'a');
  const store = createFileSystemStore(directory);
  await mkdir(join(directory, 'runs/run-1'));
  await writeFile(join(directory, 'runs/run-1/a'), 'x');
  await expect(store.publish('run-1', [file])).rejects.toMatchObject({ code: 'RUN_ALREADY_PUBLISHED' });
  await expect(store.published('run-1')).rejects.toMatchObject({ code: 'OBJECT_CORRUPT' });
  expect((await store.list()).map(({ run_id }) => run_id)).toEqual(['run-1']);
});

test('published: OBJECT_CORRUPT for a damaged manifest', async () => {
  const store = createFileSystemStore(directory);
  await store.publish('run-1', [await fileOf('x', 'a')]);
  const path = join(directory, 'manifests/run-1/manifest.json');
  await chmod(path, 0o644);
  await writeFile(path, (await readFile(path, 'utf8')).replace('"a"', '"../../a"'));
  await expect(store.published('run-1')).rejects.toMatchObject({ code: 'OBJECT_CORRUPT' });
});

test('staging: what a dead process left is removed before the first write, the rest stays', async () => {
  const child = spawn('sleep', ['60']);
  const dead = markOf(child.pid ?? 0);
  child.kill('SIGKILL');
  await once(child, 'exit');
  const staging = join(directory, 'staging');
  const own = `staged-${ownMark()}-mine`;
  await mkdir(join(staging, `staged-${dead}-tree`, 'evidence'), { recursive: true });
  for (const name of [own, `staged-${dead}-file`]) await writeFile(join(staging, name), '');
  await createFileSystemStore(directory).putObject(Buffer.from('x'));
  expect(await readdir(staging)).toEqual([own]);
});

test('putObject: STORE_NOT_WRITABLE when the folder cannot be made, and works once it can', async () => {
  const path = join(directory, 'a file');
  await writeFile(path, '');
  const store = createFileSystemStore(join(path, 'store'));
  await expect(store.putObject(Buffer.from('x'))).rejects.toMatchObject({
    code: 'STORE_NOT_WRITABLE',
    retryable: true,
  });
  await rm(path);
  expect(await store.putObject(Buffer.from('x'))).toMatchObject({ bytes: 1 });
});

test.skipIf(process.getuid?.() === 0)(
  'putObject: STORE_NOT_WRITABLE for a read-only folder, which still reads',
  async () => {
    const { sha256 } = await fileOf('kept', 'a');
    const folders = ['staging', 'objects', '.'].map((name) => join(directory, name));
    for (const folder of folders) await chmod(folder, 0o555);
    const store = createFileSystemStore(directory);
    await expect(store.putObject(Buffer.from('new'))).rejects.toMatchObject({ code: 'STORE_NOT_WRITABLE' });
    expect(Buffer.from(await store.readObject(sha256)).toString()).toBe('kept');
    for (const folder of folders) await chmod(folder, 0o755);
  },
);

test('putObject: goes on when the folder was removed in between', async () => {
  const store = createFileSystemStore(join(directory, 'store'));
  await store.putObject(Buffer.from('x'));
  await rm(join(directory, 'store'), { recursive: true });
  await expect(store.putObject(Buffer.from('y'))).rejects.toMatchObject({ code: 'STORE_NOT_WRITABLE' });
  expect(await store.putObject(Buffer.from('y'))).toMatchObject({ bytes: 1 });
});

test('reading: a pipe in the place of an entry or an object is refused, and never waited for', async () => {
  const store = createFileSystemStore(directory);
  const { sha256 } = await store.putObject(Buffer.from('x'));
  await store.appendJournal('run-1', Buffer.from('{}'));
  for (const path of [objectFile(directory, sha256), join(directory, 'journals/run-1/00000000.json')]) {
    await rm(path);
    execFileSync('mkfifo', [path]);
  }
  await expect(store.readJournal('run-1')).rejects.toThrow('is not a regular file');
  await expect(store.readObject(sha256)).rejects.toThrow('is not a regular file');
});

test('errors: each failure of the system has its code, and others stay what they are', () => {
  const failure = (code: string) => Object.assign(new Error(code), { code, syscall: 'write' });
  for (const code of ['EACCES', 'EROFS', 'EPERM']) {
    expect(writeError(failure(code), 'write')).toMatchObject({ code: 'STORE_NOT_WRITABLE' });
  }
  for (const code of ['ENOSPC', 'EDQUOT'])
    expect(writeError(failure(code), 'write')).toMatchObject({ code: 'STORE_FULL' });
  expect(readError(failure('EACCES'), 'read')).toMatchObject({ code: 'STORE_NOT_READABLE' });
  const other = failure('EIO');
  expect(writeError(other, 'write')).toBe(other);
  const mine = new Error('no call of the system');
  expect(writeError(mine, 'write')).toBe(mine);
});

test('a shared folder: what is made in it is for the group too, whatever the umask; another is left as it is', async () => {
  const umask = process.umask(0o077);
  try {
    await chmod(directory, 0o2770);
    const shared = await fileOf('of all', 'evidence/deep/file.txt');
    await createFileSystemStore(directory).publish('run-1', [shared]);
    await createFileSystemStore(directory).appendJournal('run-1', Buffer.from('{}'));
    const modes = new Map<string, number>();
    for (const name of await readdir(directory, { recursive: true })) {
      const found = await lstat(join(directory, name));
      modes.set(name, found.isDirectory() ? found.mode & 0o7070 : found.mode & 0o070);
      expect([name, modes.get(name)]).toEqual([name, found.isDirectory() ? 0o2070 : 0o040]);
    }
    expect([...modes.keys()]).toEqual(
      expect.arrayContaining(['runs/run-1/evidence/deep/file.txt', 'journals/run-1/00000000.json']),
    );
    const own = await mkdtemp(join(directory, 'own-'));
    await chmod(own, 0o700);
    const { sha256 } = await createFileSystemStore(own).putObject(Buffer.from('of one'));
    expect((await lstat(objectFile(own, sha256))).mode & 0o777).toBe(0o400);
  } finally {
    process.umask(umask);
  }
});

test('reading: needs no folder, and makes none', async () => {
  const path = join(directory, 'absent');
  const store = createFileSystemStore(path);
  expect(await store.list()).toEqual([]);
  expect(await store.published('run-1')).toBeNull();
  expect(await store.hasObject('0'.repeat(64))).toBe(false);
  await expect(lstat(path)).rejects.toMatchObject({ code: 'ENOENT' });
});

test('file system store: a store folder below a file fails every read and write with a code', async () => {
  await writeFile(join(directory, 'file'), '');
  const store = createFileSystemStore(join(directory, 'file', 'store'));
  await expect(store.published('run-1')).rejects.toMatchObject({ code: 'STORE_NOT_READABLE' });
  await expect(store.list()).rejects.toMatchObject({ code: 'STORE_NOT_READABLE' });
  await expect(store.putObject(Buffer.from('x'))).rejects.toMatchObject({ code: 'STORE_NOT_WRITABLE' });
  await expect(store.publish('run-1', [])).rejects.toMatchObject({ code: 'STORE_NOT_WRITABLE' });
});

test('putObject: bytes that are there already count as put now, so that they are not removed as old ones', async () => {
  const store = createFileSystemStore(directory);
  const { sha256 } = await store.putObject(Buffer.from('again'));
  const longAgo = new Date(Date.now() - 9 * 86_400_000);
  await utimes(objectFile(directory, sha256), longAgo, longAgo);
  await store.putObject(Buffer.from('again'));
  expect(await store.removeObject(sha256, new Date(Date.now() - 86_400_000))).toBe(false);
});
