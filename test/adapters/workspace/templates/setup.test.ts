import { existsSync } from 'node:fs';
import { chmod, mkdir, readdir, readFile, rm, stat, symlink, utimes, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import type { CheckoutSetup, Workspace } from '../../../../src/ports/workspace.js';
import { git, makeRepository, makeRoom, makeWorkspace, text, writeFiles } from '../../git-fixtures.js';

const FILES = { 'src/a.txt': 'one\n', 'lock.json': 'v1\n', 'other.txt': 'o\n' };

let room: Awaited<ReturnType<typeof makeRoom>>;
let path: string;
let commit: string;
let workspace: Workspace;
let stateDir: string;
let temporaryDir: string;
let made: { readonly directory: string; readonly committed: boolean; readonly lock: string }[];
beforeEach(async () => {
  made = [];
  room = await makeRoom();
  ({ path, commit } = await makeRepository(join(room.root, 'shop'), FILES));
  ({ workspace, stateDir, temporaryDir } = await makeWorkspace(room.root, { path }));
});
afterEach(() => room.remove());

/** Installs a dependency of the lock file's version, as npm would. */
const install =
  (more: (directory: string) => Promise<void> = async () => undefined): CheckoutSetup['make'] =>
  async (directory, committed) => {
    const lock = await readFile(join(directory, 'lock.json'), 'utf8');
    made.push({ directory, committed, lock });
    await writeFiles(directory, { 'node_modules/dep/index.js': `dep ${lock}` });
    await more(directory);
  };
const setupOf = (make = install()): CheckoutSetup => ({
  key: 'npm ci',
  isKeyFile: (path) => path === 'lock.json',
  make,
});
const checkout = (setup = setupOf(), patch?: Uint8Array) =>
  workspace.checkout({ repository: 'shop', commit, setup, ...(patch === undefined ? {} : { patch }) });
const dependency = (directory: string) => readFile(join(directory, 'node_modules/dep/index.js'), 'utf8');

/** The patch that a writer's changes make. */
async function patchOf(files: Readonly<Record<string, string>>): Promise<Uint8Array> {
  const writers = await workspace.checkout({ repository: 'shop', commit });
  await writeFiles(writers.directory, files);
  const { bytes } = await writers.diff();
  await writers.discard();
  return bytes;
}

test('set-up: made once in a checkout of its own, laid under every checkout, and found again by another worker', async () => {
  const first = await checkout();
  expect(await dependency(first.directory)).toBe('dep v1\n');
  expect(first.setup).toMatchObject({ cached: false, sha256: expect.stringMatching(/^[0-9a-f]{64}$/) });
  expect(made).toMatchObject([{ committed: true }]);
  expect(made[0]?.directory).not.toBe(first.directory);
  const second = await checkout();
  expect(await dependency(second.directory)).toBe('dep v1\n');
  expect(second.setup).toMatchObject({ cached: true, sha256: first.setup?.sha256 });
  const other = await makeWorkspace(room.root, { path });
  const third = await other.workspace.checkout({ repository: 'shop', commit, setup: setupOf() });
  expect(await dependency(third.directory)).toBe('dep v1\n');
  expect(made).toHaveLength(1);
});

test('set-up: what it made is no part of the patch, whether or not git ignores it', async () => {
  const given = await checkout(setupOf(install((directory) => writeFiles(directory, { 'src/generated.txt': 'g\n' }))));
  expect(existsSync(join(given.directory, 'src/generated.txt'))).toBe(true);
  expect(await given.diff()).toMatchObject({ files: [], bytes: new Uint8Array() });
  await writeFiles(given.directory, { 'src/a.txt': 'two\n', 'src/b.txt': 'new\n' });
  expect((await given.diff()).files.map(({ path }) => path)).toEqual(['src/a.txt', 'src/b.txt']);
});

test('set-up: what a writer changes or adds in it is left out unless the plan names it', async () => {
  const given = await checkout(setupOf(install((directory) => writeFiles(directory, { 'src/generated.txt': 'g\n' }))));
  await writeFiles(given.directory, {
    'src/generated.txt': 'mine\n',
    'node_modules/dep/index.js': 'mine\n',
    'node_modules/.cache/x': 'x\n',
  });
  expect((await given.diff()).files).toEqual([]);
  const named = await given.diff(['src/generated.txt', 'node_modules/.cache/x', 'node_modules/none.js']);
  expect(named.files.map(({ path }) => path)).toEqual(['node_modules/.cache/x', 'src/generated.txt']);
});

test('set-up: a planned file that is as the set-up made it is no work of the writer', async () => {
  const given = await checkout();
  await writeFiles(given.directory, { 'src/a.txt': 'two\n' });
  const { files } = await given.diff(['node_modules/dep/index.js', 'src/a.txt']);
  expect(files.map(({ path }) => path)).toEqual(['src/a.txt']);
});

test('set-up: an executor that writes into it changes nothing that another checkout sees', async () => {
  const hostile = await checkout();
  const file = join(hostile.directory, 'node_modules/dep/index.js');
  await writeFile(file, 'evil\n');
  await writeFiles(hostile.directory, { 'node_modules/evil/index.js': 'evil\n' });
  await rm(join(hostile.directory, 'node_modules/dep'), { recursive: true });
  await hostile.reset();
  expect(await dependency(hostile.directory)).toBe('dep v1\n');
  await writeFile(file, 'evil again\n');
  await hostile.discard();
  for (const next of [await checkout(), await checkout()]) {
    expect(await dependency(next.directory)).toBe('dep v1\n');
    expect(existsSync(join(next.directory, 'node_modules/evil'))).toBe(false);
  }
  expect(made).toHaveLength(1);
});

test('set-up: made anew with the key files of a patch, and with nothing else of it', async () => {
  await checkout();
  const patch = await patchOf({ 'lock.json': 'v2\n', 'other.txt': 'changed\n' });
  const others: string[] = [];
  const look = install(async (directory) => {
    others.push(await readFile(join(directory, 'other.txt'), 'utf8'));
  });
  const patched = await checkout(setupOf(look), patch);
  expect(await dependency(patched.directory)).toBe('dep v2\n');
  expect(await readFile(join(patched.directory, 'other.txt'), 'utf8')).toBe('changed\n');
  expect(made.map(({ committed, lock }) => [committed, lock])).toEqual([
    [true, 'v1\n'],
    [false, 'v2\n'],
  ]);
  expect(others).toEqual(['o\n']);
  expect(await dependency((await checkout()).directory)).toBe('dep v1\n');
  const elsewhere = await patchOf({ 'other.txt': 'changed\n' });
  expect(await dependency((await checkout(setupOf(), elsewhere)).directory)).toBe('dep v1\n');
  expect(made).toHaveLength(2);
});

test('set-up: a file of the commit or of the patch is never replaced', async () => {
  const make = install(async (directory) => {
    await writeFile(join(directory, 'other.txt'), 'set-up\n');
    await writeFiles(directory, { 'src/new.txt': 'set-up\n', 'gen/x': 'set-up\n', 'deep/a/b': 'set-up\n' });
    await symlink('/nonexistent', join(directory, 'out'));
  });
  const first = await checkout(setupOf(make));
  expect(await readFile(join(first.directory, 'other.txt'), 'utf8')).toBe('o\n');
  const patch = await patchOf({ 'src/new.txt': 'patch\n', gen: 'patch\n', 'out/file': 'patch\n', deep: 'patch\n' });
  const patched = await checkout(setupOf(make), patch);
  const read = (name: string) => readFile(join(patched.directory, name), 'utf8');
  expect(await Promise.all(['src/new.txt', 'gen', 'out/file', 'deep'].map(read))).toEqual(Array(4).fill('patch\n'));
  expect(await dependency(patched.directory)).toBe('dep v1\n');
  expect((await patched.diff()).files).toEqual([]);
});

test('set-up: files that steer agents, links that lead to them, and git folders at the top are not kept', async () => {
  const make = install(async (directory) => {
    await writeFiles(directory, { 'AGENTS.md': 'obey\n', 'src/.claude/settings.json': '{}\n' });
    await symlink('src', join(directory, '.github'));
  });
  const { directory } = await checkout(setupOf(make));
  expect((await readdir(directory)).sort()).toEqual(['.git', 'lock.json', 'node_modules', 'other.txt', 'src']);
  expect(await readdir(join(directory, 'src'))).toEqual(['a.txt']);
});

test('set-up: modes, links and folders without write permission arrive as they were made', async () => {
  const make = install(async (directory) => {
    await writeFiles(directory, { 'node_modules/dep/run.sh': '#!/bin/sh\n', 'node_modules/ro/x': 'x\n' });
    await chmod(join(directory, 'node_modules/dep/run.sh'), 0o755);
    await mkdir(join(directory, 'node_modules/.bin'));
    await symlink('../dep/run.sh', join(directory, 'node_modules/.bin/run'));
    await chmod(join(directory, 'node_modules/ro'), 0o555);
  });
  const given = await checkout(setupOf(make));
  const listed = git(given.directory, 'ls-files', '--others').split('\n');
  expect(listed).toContain('node_modules/.bin/run');
  expect(await readFile(join(given.directory, 'node_modules/.bin/run'), 'utf8')).toBe('#!/bin/sh\n');
  await given.reset();
  expect(await dependency(given.directory)).toBe('dep v1\n');
});

test('set-up: one that fails is not kept, leaves nothing, and is tried again by the next gate', async () => {
  const failing = setupOf(async (directory) => {
    await writeFiles(directory, { 'node_modules/half': 'half\n' });
    throw new Error('no network');
  });
  await expect(checkout(failing)).rejects.toThrow('no network');
  const next = await checkout();
  expect(await dependency(next.directory)).toBe('dep v1\n');
  expect(existsSync(join(next.directory, 'node_modules/half'))).toBe(false);
  await next.discard();
  expect(await readdir(join(stateDir, 'setups'))).toHaveLength(1);
});

test('set-up: gates that ask at the same time share one, and a gate that is cancelled does not cost the others theirs', async () => {
  const both = await Promise.all([checkout(), checkout()]);
  expect(await Promise.all(both.map(({ directory }) => dependency(directory)))).toEqual(['dep v1\n', 'dep v1\n']);
  expect(made).toHaveLength(1);
  const abort = new AbortController();
  let started = (): void => undefined;
  const begun = new Promise<void>((resolve) => {
    started = resolve;
  });
  const hanging: CheckoutSetup = {
    ...setupOf(async () => {
      started();
      await new Promise((_, reject) => {
        abort.signal.addEventListener('abort', () => reject(abort.signal.reason));
      });
    }),
    key: 'npm ci --other',
  };
  const cancelled = workspace.checkout({ repository: 'shop', commit, setup: hanging, signal: abort.signal });
  await begun;
  const waiting = checkout({ ...setupOf(), key: 'npm ci --other' });
  abort.abort(new Error('cancelled'));
  await expect(cancelled).rejects.toThrow('cancelled');
  expect(await dependency((await waiting).directory)).toBe('dep v1\n');
});

test('set-up: two workers that make one at the same time both have it whole', async () => {
  const other = await makeWorkspace(room.root, { path });
  const both = await Promise.all([
    checkout(),
    other.workspace.checkout({ repository: 'shop', commit, setup: setupOf() }),
  ]);
  expect(await Promise.all(both.map(({ directory }) => dependency(directory)))).toEqual(['dep v1\n', 'dep v1\n']);
  expect(await readdir(join(stateDir, 'setups'))).toHaveLength(1);
});

test('set-up: a kept result that lacks a file, as after a removal half way, is made anew', async () => {
  await checkout();
  const [key = ''] = await readdir(join(stateDir, 'setups'));
  await rm(join(stateDir, 'setups', key, 'files', 'node_modules/dep/index.js'));
  const other = await makeWorkspace(room.root, { path });
  const next = await other.workspace.checkout({ repository: 'shop', commit, setup: setupOf() });
  expect(await dependency(next.directory)).toBe('dep v1\n');
  expect(made).toHaveLength(2);
});

test('set-up: a result that another worker removed between two gates is made anew, without a failed attempt', async () => {
  await (await checkout()).discard();
  await rm(join(stateDir, 'setups', (await readdir(join(stateDir, 'setups')))[0] ?? ''), { recursive: true });
  const given = await checkout();
  expect(given.setup).toMatchObject({ cached: false });
  expect(await dependency(given.directory)).toBe('dep v1\n');
  expect(made).toHaveLength(2);
});

test('set-up: a result that is in use counts as used, so that others are removed before it', async () => {
  await checkout();
  const folder = join(stateDir, 'setups', (await readdir(join(stateDir, 'setups')))[0] ?? '');
  await utimes(folder, new Date(0), new Date(0));
  await checkout();
  expect(Date.now() - (await stat(folder)).mtimeMs).toBeLessThan(60_000);
});

test('set-up: key files that no commit has are refused before a command runs', async () => {
  const setup: CheckoutSetup = { ...setupOf(), isKeyFile: (name) => name === 'package-lock.jsn' };
  await expect(checkout(setup)).rejects.toMatchObject({
    code: 'SETUP_FAILED',
    message: expect.stringMatching(/No file of this commit with its patch is a key file.*Correct key_files/),
  });
  expect(made).toEqual([]);
});

test('set-up: a check that installs again into it has not disturbed the tracked files', async () => {
  const given = await checkout();
  const watch = await given.watch();
  await rm(join(given.directory, 'node_modules'), { recursive: true });
  await writeFiles(given.directory, { 'node_modules/dep/index.js': 'again\n' });
  expect(await watch.changes()).toEqual([]);
  await writeFile(join(given.directory, 'src/a.txt'), 'two\n');
  expect(await watch.changes()).toHaveLength(1);
});

test('set-up: the folder of checkouts is clean after all were discarded', async () => {
  const given = await checkout();
  expect(text(await readFile(join(given.directory, 'lock.json')))).toBe('v1\n');
  await given.discard();
  await expect.poll(() => readdir(temporaryDir), { timeout: 5_000 }).toHaveLength(1);
});
