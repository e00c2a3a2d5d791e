import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, statfsSync } from 'node:fs';
import {
  appendFile,
  chmod,
  lstat,
  mkdir,
  mkdtemp,
  open,
  readdir,
  readFile,
  rename,
  rm,
  stat,
  symlink,
  unlink,
  utimes,
  writeFile,
} from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { basename, dirname, join } from 'node:path';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { createLauncher } from '../../../../src/adapters/platform/launcher.js';
import { createGitWorkspace } from '../../../../src/adapters/workspace/git-workspace.js';
import { notesEveryWrite } from '../../../../src/adapters/workspace/templates/copies.js';
import type { Workspace } from '../../../../src/ports/workspace.js';
import { git, makeRepository, makeRoom, makeWorkspace, PERSON, writeFiles } from '../../git-fixtures.js';

const FILES = { 'src/a.txt': 'one\ntwo\nthree\n', 'src/b.txt': 'b\n', 'README.md': 'read me\n' };

let room: Awaited<ReturnType<typeof makeRoom>>;
let path: string;
let commit: string;
let workspace: Workspace;
let stateDir: string;
beforeEach(async () => {
  room = await makeRoom();
  ({ path, commit } = await makeRepository(join(room.root, 'shop'), FILES));
  ({ workspace, stateDir } = await makeWorkspace(room.root, { path }));
});
afterEach(() => room.remove());

const checkout = (patch?: Uint8Array) =>
  workspace.checkout({ repository: 'shop', commit, ...(patch === undefined ? {} : { patch }) });

/** The folder that checkouts are copied from. */
async function templateOf(): Promise<string> {
  const templates = join(stateDir, 'templates');
  const [name = ''] = await readdir(templates);
  return join(templates, name, 'tree');
}

/** Writes other content of the same size, and sets the times back to the nanosecond, as touch(1) can. */
async function writeInSecret(file: string, content: string): Promise<void> {
  const times = join(room.root, 'times');
  execFileSync('touch', ['-r', file, times]);
  expect(content).toHaveLength((await stat(file)).size);
  await writeFile(file, content);
  execFileSync('touch', ['-r', times, file]);
  const [before, after] = await Promise.all([times, file].map((path) => stat(path, { bigint: true })));
  expect(after?.mtimeNs).toBe(before?.mtimeNs);
}

test('diff: a file with its size and time set back is seen, at once after the checkout was made', async () => {
  for (let round = 0; round < 5; round += 1) {
    const { directory, diff } = await checkout();
    await writeInSecret(join(directory, 'README.md'), 'READ ME\n');
    expect((await diff()).files).toMatchObject([{ path: 'README.md', status: 'modified' }]);
  }
});

test('diff: a file that another file with its times took the place of is seen', async () => {
  const { directory, diff } = await checkout();
  const file = join(directory, 'src/b.txt');
  const { atime, mtime } = await stat(file);
  await writeFile(`${file}.new`, 'B\n');
  await utimes(`${file}.new`, atime, mtime);
  await rename(`${file}.new`, file);
  expect((await diff()).files).toMatchObject([{ path: 'src/b.txt', status: 'modified' }]);
});

test('diff: a folder that became a link to itself elsewhere is seen, although its files were not touched', async () => {
  const { directory, diff } = await checkout();
  await rename(join(directory, 'src'), join(directory, '..', 'moved'));
  await symlink('../moved', join(directory, 'src'));
  const { files } = await diff();
  expect(files.map(({ path, status }) => [path, status])).toContainEqual(['src/a.txt', 'deleted']);
  expect(files.map(({ path, status }) => [path, status])).toContainEqual(['src', 'added']);
});

test('diff: a missing file and a file in a new folder are seen', async () => {
  const { directory, diff } = await checkout();
  await unlink(join(directory, 'README.md'));
  await writeFiles(directory, { 'new/c.txt': 'c\n' });
  expect((await diff()).files).toMatchObject([
    { path: 'README.md', status: 'deleted' },
    { path: 'new/c.txt', status: 'added' },
  ]);
});

test('checkout: no file is shared with another checkout or with the template', async () => {
  const [one, other] = [await checkout(), await checkout()];
  const template = await templateOf();
  const files = (await readdir(one.directory, { recursive: true, withFileTypes: true }))
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name).slice(one.directory.length));
  expect(files.some((file) => file.endsWith('.pack'))).toBe(true);
  for (const file of files) expect((await lstat(join(one.directory, file))).nlink, file).toBe(1);
  for (const file of files.filter((name) => !name.startsWith('/.git/objects'))) {
    await appendFile(join(one.directory, file), 'changed');
  }
  expect(await readFile(join(other.directory, 'README.md'), 'utf8')).toBe('read me\n');
  expect(await readFile(join(template, 'README.md'), 'utf8')).toBe('read me\n');
  expect((await other.diff()).files).toEqual([]);
  expect(git(other.directory, 'status', '--porcelain')).toBe('');
});

test.each(['README.md', 'src/a.txt'])('checkout: a template in which %s was written is never used', async (name) => {
  const first = await checkout();
  const file = join(await templateOf(), name);
  await writeInSecret(file, (await readFile(file, 'utf8')).toUpperCase());
  await expect(checkout()).rejects.toMatchObject({ code: 'GIT_FAILED' });
  const { directory, diff } = await checkout();
  expect(await readFile(join(directory, name), 'utf8')).toBe(FILES[name as keyof typeof FILES]);
  expect((await diff()).files).toEqual([]);
  expect((await first.diff()).files).toEqual([]);
});

test('checkout: a template whose packed objects were written is never used', async () => {
  await checkout();
  const pack = join(await templateOf(), '.git', 'objects', 'pack');
  const [name = ''] = (await readdir(pack)).filter((file) => file.endsWith('.pack'));
  const content = await readFile(join(pack, name));
  content[20] = 255 - (content[20] ?? 0);
  await rm(join(pack, name));
  await writeFile(join(pack, name), content);
  await expect(checkout()).rejects.toMatchObject({ code: 'GIT_FAILED' });
  expect(git((await checkout()).directory, 'fsck')).toBe('');
});

test.each(['template', 'overlay'])(
  'checkout: after its %s was removed, one attempt fails with a code',
  async (which) => {
    const { directory, diff } = await checkout();
    await writeFiles(directory, { 'README.md': 'read me again\n' });
    const patch = (await diff()).bytes;
    await checkout(patch);
    const templates = join(stateDir, 'templates');
    for (const name of await readdir(templates)) {
      const isTemplate = existsSync(join(templates, name, 'tree', '.git'));
      if (isTemplate === (which === 'template')) await rm(join(templates, name), { recursive: true });
    }
    await expect(checkout(patch)).rejects.toMatchObject({ code: 'GIT_FAILED' });
    expect(await readFile(join((await checkout(patch)).directory, 'README.md'), 'utf8')).toBe('read me again\n');
  },
);

test.each([
  ['src/a.txt', 'ONE\n'],
  ['src/new.txt', 'new\n'],
  ['.git/hooks/post-checkout', '#!/bin/sh\n'],
])('checkout: a copy made in advance in which %s was written is never used', async (name, content) => {
  // Every copy takes long by this clock, so the next one is made in advance.
  let now = 0;
  const clock = vi.spyOn(performance, 'now').mockImplementation(() => {
    now += 300;
    return now;
  });
  try {
    const used = dirname((await checkout()).directory);
    const others = async () =>
      (await readdir(dirname(used)))
        .filter((folder) => folder !== basename(used))
        .map((folder) => join(dirname(used), folder, basename(path)));
    await expect
      .poll(async () => (await others()).filter((folder) => existsSync(join(folder, 'src/b.txt'))))
      .toHaveLength(1);
    const [spare = ''] = await others();
    await writeFiles(spare, { [name]: content });
    const { directory, diff } = await checkout();
    expect(directory).not.toBe(spare);
    expect((await diff()).files).toEqual([]);
    expect(existsSync(join(directory, name)) && (await readFile(join(directory, name), 'utf8'))).not.toBe(content);
  } finally {
    clock.mockRestore();
  }
});

const WRITERS: readonly (readonly [string, (directory: string) => Promise<unknown>])[] = [
  ['a tracked file was written', (directory) => writeInSecret(join(directory, 'README.md'), 'READ ME\n')],
  ['a file was added', (directory) => writeFiles(directory, { 'src/new.txt': 'new\n' })],
  ['an empty folder was added', (directory) => mkdir(join(directory, 'build'))],
  ['a file was removed', (directory) => rm(join(directory, 'src/b.txt'))],
  ['a folder was closed to others', (directory) => chmod(join(directory, 'src'), 0o700)],
  ['a hook was added', (directory) => writeFiles(directory, { '.git/hooks/post-checkout': '#!/bin/sh\n' })],
  ['the index was written', async (directory) => git(directory, 'rm', '--cached', '-q', 'README.md')],
  ['a branch was made', async (directory) => git(directory, 'branch', 'other')],
  ['a git folder was put into its git folder', (directory) => writeFiles(directory, { '.git/.git/left': 'x\n' })],
  ['a file was added and removed again', (directory) => addAndRemove(join(directory, 'src/new.txt'))],
  ['the times of a folder were set', (directory) => utimes(join(directory, 'src'), 1, 1)],
  ['the times of a folder of git were set', (directory) => utimes(join(directory, '.git/objects'), 1, 1)],
  ['a file was put beside it', (directory) => writeFile(join(directory, '..', 'package.json'), '{}')],
  ['a file was put beside it and removed again', (directory) => addAndRemove(join(directory, '..', 'package.json'))],
  ['the folder above was opened to others', (directory) => chmod(dirname(directory), 0o777)],
];

async function addAndRemove(file: string): Promise<void> {
  await writeFile(file, '{}');
  await rm(file);
}

/** Whether a folder is the one that had this inode. */
const inodeOf = async (directory: string): Promise<number> => (await lstat(directory)).ino;

test.skipIf(!notesEveryWrite(tmpdir()))(
  'checkout: one in which nothing was written serves another gate, under another name',
  async () => {
    const patch = await restructuringPatch();
    for (const bytes of [undefined, patch]) {
      const first = await checkout(bytes);
      const inode = await inodeOf(first.directory);
      expect((await first.diff()).files).toEqual([]);
      await first.discard();
      expect(existsSync(first.directory)).toBe(false);
      const next = await checkout(bytes);
      expect([await inodeOf(next.directory), next.directory === first.directory]).toEqual([inode, false]);
      await writeInSecret(join(next.directory, 'README.md'), bytes === undefined ? 'READ ME\n' : 'READ ME AGAIN\n');
      expect((await next.diff()).files).toMatchObject([{ path: 'README.md', status: 'modified' }]);
    }
  },
);

/** Where files in memory are, whose times say nothing of a write through a mapping. */
const MEMORY = '/dev/shm';
const TMPFS = 0x01021994;

test.skipIf(!existsSync(MEMORY) || statfsSync(MEMORY).type !== TMPFS)(
  'checkout: one in memory serves no other gate, since a program could write to it without a trace',
  async () => {
    const temporaryDir = await mkdtemp(join(MEMORY, 'promptos-test-'));
    const inMemory = createGitWorkspace({
      ...{ repositories: { shop: { path } }, stateDir, temporaryDir },
      env: { PATH: PERSON.PATH },
    });
    try {
      const first = await inMemory.checkout({ repository: 'shop', commit });
      const held = await open(first.directory);
      const inode = await inodeOf(first.directory);
      await first.discard();
      const next = await inMemory.checkout({ repository: 'shop', commit });
      expect(await inodeOf(next.directory)).not.toBe(inode);
      await held.close();
    } finally {
      await rm(temporaryDir, { recursive: true });
    }
  },
);

test.each(WRITERS)('checkout: one in which %s serves no other gate', async (_what, write) => {
  const first = await checkout();
  const inode = await inodeOf(first.directory);
  // The next folder must not get the number of one that was removed.
  const held = await open(first.directory);
  try {
    await write(first.directory);
    await first.discard();
    const next = await checkout();
    expect(await inodeOf(next.directory)).not.toBe(inode);
    expect(await readdir(dirname(next.directory))).toEqual(['shop']);
    expect(git(next.directory, 'status', '--porcelain')).toBe('');
  } finally {
    await held.close();
  }
});

test.skipIf(!notesEveryWrite(tmpdir()))(
  'checkout: where programs leave nothing behind, one that a gate wrote in serves no other either',
  async () => {
    const launcher = createLauncher(PERSON.PATH);
    const boxed = createGitWorkspace({
      ...{ repositories: { shop: { path } }, stateDir, temporaryDir: room.root, env: { PATH: PERSON.PATH } },
      programs: { ...launcher, leavesNothing: true },
    });
    try {
      const unwritten = await boxed.checkout({ repository: 'shop', commit });
      const held = await open(unwritten.directory);
      const inode = await inodeOf(unwritten.directory);
      await unwritten.discard();
      const again = await boxed.checkout({ repository: 'shop', commit });
      expect(await inodeOf(again.directory)).toBe(inode);
      expect(git(again.directory, 'status', '--porcelain')).toBe('');
      await writeInSecret(join(again.directory, 'README.md'), 'READ ME\n');
      await again.discard();
      const other = await boxed.checkout({ repository: 'shop', commit });
      expect(await inodeOf(other.directory)).not.toBe(inode);
      await held.close();
    } finally {
      await launcher.close();
    }
  },
);

test.runIf(process.platform === 'linux')(
  'checkout: one in which a process of its gate still works serves no other gate',
  async () => {
    const first = await checkout();
    const held = await open(first.directory);
    const inode = await inodeOf(first.directory);
    // Its environment does not show whose it is.
    const escaped = spawn('/bin/sleep', ['60'], { cwd: join(first.directory, 'src'), env: {}, detached: true });
    try {
      await once(escaped, 'spawn');
      await first.discard();
      expect(await inodeOf((await checkout()).directory)).not.toBe(inode);
    } finally {
      escaped.kill('SIGKILL');
      await held.close();
    }
  },
);

test('checkout: one that is written to while it waits for a gate is not used', async () => {
  const first = await checkout();
  const inode = await inodeOf(first.directory);
  const held = await open(first.directory);
  try {
    await first.discard();
    const [holder = ''] = await readdir(join(room.root, 'tmp'));
    await writeFiles(join(room.root, 'tmp', holder, 'shop'), { 'src/new.txt': 'new\n' });
    const next = await checkout();
    expect(await inodeOf(next.directory)).not.toBe(inode);
    expect(existsSync(join(next.directory, 'src/new.txt'))).toBe(false);
  } finally {
    await held.close();
  }
});

test.skipIf(!notesEveryWrite(tmpdir()))('checkout: at most four wait for a gate', async () => {
  const made = await Promise.all(Array.from({ length: 6 }, () => checkout()));
  for (const { discard } of made) await discard();
  await expect.poll(() => readdir(join(room.root, 'tmp'))).toHaveLength(4);
});

test('checkout: a template that was not finished is not used, and goes', async () => {
  const { directory } = await checkout();
  const [mirror = ''] = (await readdir(join(stateDir, 'mirrors'))).filter((name) => name.endsWith('.git'));
  await rename(join(stateDir, 'mirrors', mirror, 'objects'), join(stateDir, 'objects'));
  const next = await makeWorkspace(room.root, { path });
  await expect(next.workspace.checkout({ repository: 'shop', commit })).rejects.toMatchObject({ code: 'GIT_FAILED' });
  await expect.poll(() => readdir(join(stateDir, 'templates'))).toHaveLength(1);
  await rename(join(stateDir, 'objects'), join(stateDir, 'mirrors', mirror, 'objects'));
  const made = await next.workspace.checkout({ repository: 'shop', commit });
  expect(await readdir(made.directory)).toEqual(await readdir(directory));
});

test('checkout: templates that a killed worker left are removed when the next one starts', async () => {
  await checkout();
  const templates = join(stateDir, 'templates');
  const [name = ''] = await readdir(templates);
  const [, place = ''] = /^template-([0-9a-f]+)-/.exec(name) ?? [];
  await mkdir(join(templates, `template-${place}-1-1-abcdef`));
  await makeWorkspace(room.root, { path }).then((next) => next.workspace.snapshot('shop'));
  expect(await readdir(templates)).toEqual([name]);
});

test('checkout: many at once of one commit make one template', async () => {
  const made = await Promise.all(Array.from({ length: 5 }, () => checkout()));
  expect(new Set(made.map(({ directory }) => directory)).size).toBe(5);
  expect(await readdir(join(stateDir, 'templates'))).toHaveLength(1);
  await Promise.all(made.map(({ discard }) => discard()));
  for (const { directory } of made) expect(existsSync(directory)).toBe(false);
});

test('checkout: a few templates are kept, and those in use', async () => {
  const commits = [commit];
  for (let number = 0; number < 6; number += 1) {
    git(path, 'commit', '-q', '--allow-empty', '-m', `commit ${number}`);
    commits.push(git(path, 'rev-parse', 'HEAD'));
  }
  const made = [];
  for (const one of commits) made.push(await workspace.checkout({ repository: 'shop', commit: one }));
  expect(await readdir(join(stateDir, 'templates'))).toHaveLength(7);
  for (const { discard } of made) await discard();
  await expect.poll(() => readdir(join(stateDir, 'templates'))).toHaveLength(4);
});

const RESTRUCTURED = {
  'src/b.txt/now-a-folder.txt': 'x\n',
  'README.md': 'read me again\n',
  'tool.sh': '#!/bin/sh\n',
};

/** A patch that changes, adds, removes, links, and makes a folder of a file. */
async function restructuringPatch(): Promise<Uint8Array> {
  const { directory, diff } = await checkout();
  await rm(join(directory, 'src'), { recursive: true });
  await writeFiles(directory, RESTRUCTURED);
  await symlink('README.md', join(directory, 'link'));
  return (await diff()).bytes;
}

test('checkout: with a patch it has the files of the patch, and no trace of those that it removes', async () => {
  const patch = await restructuringPatch();
  for (let round = 0; round < 2; round += 1) {
    const { directory, diff, watch } = await checkout(patch);
    const listed = await readdir(directory, { recursive: true, withFileTypes: true });
    const files = listed
      .filter((entry) => !entry.isDirectory())
      .map((entry) => join(entry.parentPath, entry.name).slice(directory.length + 1))
      .filter((name) => !name.startsWith('.git/'));
    expect(files.sort()).toEqual(['README.md', 'link', 'src/b.txt/now-a-folder.txt', 'tool.sh']);
    expect(await readFile(join(directory, 'link'), 'utf8')).toBe('read me again\n');
    expect((await diff()).files).toEqual([]);
    // Git in the checkout has every object, and takes the patch as staged.
    expect(git(directory, 'status', '--porcelain')).not.toContain(' M');
    expect(git(directory, 'diff', '--cached', '--', 'README.md')).toContain('+read me again');
    expect(git(directory, 'fsck')).toBe('');
    const watched = await watch();
    await writeInSecret(join(directory, 'README.md'), 'READ ME AGAIN\n');
    expect(await watched.changes()).toEqual(['README.md differs from the patched tree']);
  }
});

test('reset: the files of the patch are back, and everything else is gone', async () => {
  const { directory, diff, reset } = await checkout(await restructuringPatch());
  await writeFiles(directory, { 'README.md': 'mine\n', 'left/over.txt': 'x\n' });
  await rm(join(directory, '.git'), { recursive: true });
  await reset();
  expect(await readFile(join(directory, 'README.md'), 'utf8')).toBe('read me again\n');
  expect(existsSync(join(directory, 'left'))).toBe(false);
  expect((await diff()).files).toEqual([]);
  expect(git(directory, 'diff', '--cached', '--name-only').split('\n')).toContain('README.md');
});

test('reset: names that are not UTF-8 and folders that were made read-only go too', async () => {
  const { directory, diff, reset } = await checkout();
  const bytes = (name: string) => Buffer.from(`${directory}/${name}`, 'latin1');
  await writeFile(bytes('\xff\xfe'), 'file');
  await mkdir(bytes('\xff'));
  await writeFiles(directory, { 'modules/kept/a.txt': 'a' });
  for (const folder of ['modules/kept', 'modules', '']) await chmod(join(directory, folder), 0o555);
  await reset();
  expect((await readdir(directory)).sort()).toEqual(['.git', 'README.md', 'src']);
  expect((await diff()).files).toEqual([]);
});

test('checkout: a patch whose content another commit has leaves no object out', async () => {
  await writeFiles(path, { 'README.md': 'read me later\n' });
  git(path, 'commit', '-q', '-a', '-m', 'later');
  const later = git(path, 'rev-parse', 'HEAD');
  await workspace.checkout({ repository: 'shop', commit: later });
  const { directory, diff } = await checkout();
  await writeFiles(directory, { 'README.md': 'read me later\n' });
  const patched = await checkout((await diff()).bytes);
  expect(git(patched.directory, 'diff', '--cached')).toContain('+read me later');
});

test('diff: content that the patch has already makes the overlay no less trusted', async () => {
  const { directory, diff } = await checkout();
  await writeFiles(directory, { 'README.md': 'read me again\n' });
  const patch = (await diff()).bytes;
  const one = await checkout(patch);
  await writeFiles(one.directory, { 'README.md': 'read me again\n', 'src/b.txt': 'read me again\n' });
  expect((await one.diff()).files).toMatchObject([{ path: 'src/b.txt' }]);
  expect((await (await checkout(patch)).diff()).files).toEqual([]);
});
