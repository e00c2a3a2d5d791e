import { mkdir, writeFile } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { execa } from 'execa';
import { expect, test } from 'vitest';
import { gitConfigValue, gitVersion, isGitIgnored, repositoryName } from '../../../src/adapters/git/facts.js';
import { refusalOf, temporaryFolder } from '../../config/documents.js';

async function repository(): Promise<string> {
  const top = await temporaryFolder();
  await execa('git', ['init', '-q'], { cwd: top });
  return top;
}

test.each([
  ['git@example.org:team/bill-splitter.git', 'bill-splitter'],
  ['https://example.org/team/bill-splitter.git/', 'bill-splitter'],
  ['/srv/git/bill-splitter', 'bill-splitter'],
])('repositoryName: the last segment of the remote %s', async (url, name) => {
  const top = await repository();
  await execa('git', ['remote', 'add', 'origin', url], { cwd: top });
  expect(await repositoryName({ folder: top, env: process.env })).toBe(name);
});

test("repositoryName: the top folder's name, without a remote", async () => {
  const top = await repository();
  expect(await repositoryName({ folder: top, env: process.env })).toBe(basename(top));
});

test('gitConfigValue: null for a key that is not set', async () => {
  expect(await gitConfigValue({ folder: await repository(), env: process.env }, 'promptos.nothing')).toBeNull();
});

test('isGitIgnored: as git itself says', async () => {
  const top = await repository();
  await mkdir(join(top, 'state'));
  await writeFile(join(top, '.gitignore'), 'state/\n');
  expect(await isGitIgnored({ folder: top, env: process.env }, join(top, 'state', 'x'))).toBe(true);
  expect(await isGitIgnored({ folder: top, env: process.env }, join(top, 'other'))).toBe(false);
});

test("gitVersion: GIT_FAILED with git's words, for a configuration that git cannot read", async () => {
  const folder = await temporaryFolder();
  await writeFile(join(folder, '.gitconfig'), '[broken\n');
  expect(await refusalOf(gitVersion({ folder, env: { ...process.env, HOME: folder } }))).toMatchObject({
    code: 'GIT_FAILED',
    message: expect.stringContaining('bad config line 1'),
  });
});

test('gitVersion: GIT_NOT_FOUND, without git on PATH', async () => {
  const folder = await temporaryFolder();
  expect(await gitVersion({ folder, env: process.env })).toMatch(/^\d+\.\d+/);
  expect(await refusalOf(gitVersion({ folder, env: { PATH: folder } }))).toMatchObject({
    code: 'GIT_NOT_FOUND',
    exitCode: 3,
  });
});
