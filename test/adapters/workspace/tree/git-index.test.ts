import { execFileSync } from 'node:child_process';
import { lstatSync } from 'node:fs';
import { readFile, symlink, utimes, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { IndexDraft, readIndex } from '../../../../src/adapters/workspace/tree/git-index.js';
import { git, makeRepository, makeRoom, PERSON } from '../../git-fixtures.js';

let room: Awaited<ReturnType<typeof makeRoom>>;
beforeEach(async () => {
  room = await makeRoom();
});
afterEach(() => room.remove());

test.each([
  ['sha1', 20],
  ['sha256', 32],
] as const)('readIndex: has what git lists, with %s', async (format, hashBytes) => {
  const names = ['a', 'ab', 'abc', 'abcd', 'folder/ü 日本', 'line\nbreak', `${'long/'.repeat(40)}name`];
  const { path } = await makeRepository(room.root, Object.fromEntries(names.map((name) => [name, name])), format);
  await symlink('a', join(path, 'link'));
  git(path, 'add', '-A');
  const listed = execFileSync('git', ['ls-files', '--stage', '-z'], { cwd: path, env: PERSON }).toString('latin1');
  const { entries } = readIndex(await readFile(join(path, '.git', 'index')), hashBytes);
  const printed = [...entries.values()].map(({ mode, object, path }) => `${mode.toString(8)} ${object} 0\t${path}\0`);
  expect(printed.join('')).toBe(listed);
});

test('readIndex: another version of the format is refused', async () => {
  const { path } = await makeRepository(room.root);
  git(path, 'update-index', '--index-version', '4');
  const bytes = await readFile(join(path, '.git', 'index'));
  expect(() => readIndex(bytes, 20)).toThrow('git wrote an index 4');
});

test('IndexDraft: git reads a file whose times it does not have, and none whose times it has', async () => {
  const { path } = await makeRepository(room.root);
  const indexFile = join(path, '.git', 'index');
  // Long ago, so that no time of a file is that of the index.
  for (const name of ['README.md', 'src/a.txt']) await utimes(join(path, name), 1, 1);
  const index = readIndex(await readFile(indexFile), 20);
  const draft = IndexDraft.of(index);
  const modified = async () => {
    await writeFile(indexFile, draft.sealed(20));
    return git(path, 'diff-files', '--name-only').split('\n').filter(Boolean);
  };
  expect(await modified()).toEqual(['README.md', 'src/a.txt']);
  for (const entry of index.entries.values()) {
    draft.fill(entry, lstatSync(join(path, entry.path), { bigint: true }));
  }
  expect(await modified()).toEqual([]);
  const readme = index.entries.get('README.md');
  if (readme !== undefined) draft.clear(readme);
  expect(await modified()).toEqual(['README.md']);
  expect(git(path, 'fsck')).toBe('');
});
