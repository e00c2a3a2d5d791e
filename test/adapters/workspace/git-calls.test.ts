import { chmod, mkdir, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { createGitWorkspace } from '../../../src/adapters/workspace/git-workspace.js';
import type { Workspace } from '../../../src/ports/workspace.js';
import { makeRepository, makeRoom, PERSON, writeFiles } from '../git-fixtures.js';

// Each git that a worker starts costs some milliseconds in which it does nothing else, at every gate.

let room: Awaited<ReturnType<typeof makeRoom>>;
let commit: string;
let workspace: Workspace;
let log: string;
beforeEach(async () => {
  room = await makeRoom();
  log = join(room.root, 'calls.log');
  const programs = join(room.root, 'bin');
  await mkdir(programs);
  await writeFile(join(programs, 'git'), `#!/bin/sh\necho "$1" >>'${log}'\nPATH='${PERSON.PATH}' exec git "$@"\n`);
  await chmod(join(programs, 'git'), 0o755);
  ({ commit } = await makeRepository(join(room.root, 'shop')));
  const temporaryDir = join(room.root, 'tmp');
  await mkdir(temporaryDir);
  workspace = createGitWorkspace({
    repositories: { shop: { path: join(room.root, 'shop') } },
    stateDir: join(room.root, 'state'),
    temporaryDir,
    env: { PATH: `${programs}:${PERSON.PATH}` },
  });
});
afterEach(() => room.remove());

/** What git was asked to do, in order, by some work. */
async function gitsOf(work: () => Promise<unknown>): Promise<readonly string[]> {
  await rm(log, { force: true });
  await work();
  return (await readFile(log, 'utf8').catch(() => '')).split('\n').filter((line) => line !== '');
}

const checkout = () => workspace.checkout({ repository: 'shop', commit });

test('checkout: a commit that was checked out before is copied, without any git', async () => {
  await checkout();
  expect(await gitsOf(checkout)).toEqual([]);
});

test('checkout: a commit that was fetched is there when the repository is not', async () => {
  await checkout();
  await rm(join(room.root, 'shop'), { recursive: true });
  const { directory } = await checkout();
  expect(await readFile(join(directory, 'README.md'), 'utf8')).toBe('read me\n');
  await expect(workspace.checkout({ repository: 'shop', commit: '1'.repeat(40) })).rejects.toMatchObject({
    code: 'REPO_NOT_FOUND',
  });
  await expect(workspace.checkout({ repository: 'shop', commit: '../../HEAD' })).rejects.toMatchObject({
    code: 'REPO_NOT_FOUND',
  });
});

test('diff: without a change no git is started, a change is listed', async () => {
  const { directory, diff } = await checkout();
  let patch = await diff();
  expect(await gitsOf(diff)).toEqual([]);
  expect(patch).toEqual({ bytes: new Uint8Array(), files: [], added_lines: [] });
  await writeFiles(directory, { 'README.md': 'changed\n' });
  const gits = await gitsOf(async () => {
    patch = await diff();
  });
  expect(gits.filter((name) => name === 'diff-tree')).toHaveLength(2);
  expect(patch.files.map(({ path }) => path)).toEqual(['README.md']);
});

test('snapshot: one git for the state of a repository that was opened before', async () => {
  await workspace.snapshot('shop');
  expect(await gitsOf(() => workspace.snapshot('shop'))).toEqual(['status']);
});

test('snapshot: no git while nothing was written in a repository for a while, one after a file was', async () => {
  const clock = vi.spyOn(Date, 'now').mockReturnValue(Date.now() + 3_600_000);
  try {
    await workspace.snapshot('shop');
    expect(await gitsOf(() => workspace.snapshot('shop'))).toEqual([]);
    await writeFiles(join(room.root, 'shop'), { 'new.txt': 'x' });
    expect(await gitsOf(() => workspace.snapshot('shop'))).toEqual(['status']);
    expect(await gitsOf(() => workspace.snapshot('shop'))).toEqual([]);
  } finally {
    clock.mockRestore();
  }
});

test('snapshot: git is asked where a submodule or very many files are in the repository', async () => {
  const clock = vi.spyOn(Date, 'now').mockReturnValue(Date.now() + 3_600_000);
  try {
    await writeFiles(join(room.root, 'shop'), { 'below/.git': 'gitdir: ../elsewhere\n' });
    await workspace.snapshot('shop');
    expect(await gitsOf(() => workspace.snapshot('shop'))).toEqual(['status']);
    await rm(join(room.root, 'shop', 'below'), { recursive: true });
    const many = Array.from({ length: 1_000 }, (_, index) => [`many/${index}`, '']);
    await writeFiles(join(room.root, 'shop'), Object.fromEntries(many));
    await workspace.snapshot('shop');
    expect(await gitsOf(() => workspace.snapshot('shop'))).toEqual(['status']);
  } finally {
    clock.mockRestore();
  }
});
