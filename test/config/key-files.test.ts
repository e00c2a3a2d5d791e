import { chmod, lstat, mkdir, readdir, readFile, stat, symlink, writeFile } from 'node:fs/promises';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { keyFileOf, listKeyNames, refuseExistingKey, writeKeyFile } from '../../src/config/key-files.js';
import { keysFolder } from '../../src/config/user-folders.js';
import { refusalOf, temporaryFolder } from './documents.js';

const modeOf = async (path: string) => (await stat(path)).mode & 0o777;
const keyIn = (folder: string, text = 'private\n') => ({
  path: join(folder, 'grace.pem'),
  pem: text,
  publicPath: join(folder, 'grace.pub'),
  publicLine: 'ssh-ed25519 AAAA grace',
});

test.each([
  [{ PROMPTOS_KEYS_DIR: '/k', XDG_CONFIG_HOME: '/x', HOME: '/h' }, 'linux', '/k'],
  [{ XDG_CONFIG_HOME: '/x', HOME: '/h' }, 'linux', '/x/promptos/keys'],
  [{ XDG_CONFIG_HOME: 'relative', HOME: '/h' }, 'linux', '/h/.config/promptos/keys'],
  [{ XDG_CONFIG_HOME: '/x', HOME: '/h' }, 'darwin', '/h/Library/Application Support/promptos/keys'],
  [{}, 'linux', join(homedir(), '.config', 'promptos', 'keys')],
])('keysFolder: %j on %s is %s', (env, platform, folder) => {
  expect(keysFolder(env, platform)).toBe(folder);
  expect(keyFileOf(folder, 'grace')).toBe(join(folder, 'grace.pem'));
});

test('writeKeyFile: 0600 in a folder of 0700 that it makes, nothing else left behind', async () => {
  const folder = join(await temporaryFolder(), 'promptos', 'keys');
  await writeKeyFile(keyIn(folder), false);
  expect(await modeOf(join(folder, 'grace.pem'))).toBe(0o600);
  expect(await modeOf(join(folder, 'grace.pub'))).toBe(0o644);
  expect(await modeOf(folder)).toBe(0o700);
  expect((await readdir(folder)).sort()).toEqual(['grace.pem', 'grace.pub']);
  expect(await readFile(join(folder, 'grace.pub'), 'utf8')).toBe('ssh-ed25519 AAAA grace\n');
});

test('writeKeyFile: KEY_EXISTS leaves both files as they are; they are replaced only on request', async () => {
  const folder = await temporaryFolder();
  await writeKeyFile(keyIn(folder, 'first\n'), false);
  expect(await refusalOf(writeKeyFile(keyIn(folder, 'second\n'), false))).toMatchObject({ code: 'KEY_EXISTS' });
  expect(await readFile(join(folder, 'grace.pem'), 'utf8')).toBe('first\n');
  await chmod(join(folder, 'grace.pem'), 0o644);
  await writeKeyFile(keyIn(folder, 'second\n'), true);
  expect(await readFile(join(folder, 'grace.pem'), 'utf8')).toBe('second\n');
  expect(await modeOf(join(folder, 'grace.pem'))).toBe(0o600);
  expect((await readdir(folder)).sort()).toEqual(['grace.pem', 'grace.pub']);
});

test('writeKeyFile: of ten at once one is written, and the public half is its own', async () => {
  const folder = await temporaryFolder();
  const results = await Promise.allSettled(
    Array.from({ length: 10 }, (_, index) =>
      writeKeyFile({ ...keyIn(folder, `${index}\n`), publicLine: `ssh-ed25519 AAAA ${index}` }, false),
    ),
  );
  const failed = results.filter(({ status }) => status === 'rejected');
  expect(failed.length).toBe(9);
  for (const result of failed) expect(result).toMatchObject({ reason: { code: 'KEY_EXISTS' } });
  const index = results.findIndex(({ status }) => status === 'fulfilled');
  expect(await readFile(join(folder, 'grace.pem'), 'utf8')).toBe(`${index}\n`);
  expect(await readFile(join(folder, 'grace.pub'), 'utf8')).toBe(`ssh-ed25519 AAAA ${index}\n`);
  expect((await readdir(folder)).length).toBe(2);
});

test('writeKeyFile: a link is never followed', async () => {
  const folder = await temporaryFolder();
  const target = join(folder, 'target');
  await symlink(target, join(folder, 'grace.pem'));
  expect(await refusalOf(writeKeyFile(keyIn(folder), false))).toMatchObject({ code: 'KEY_EXISTS' });
  await writeKeyFile(keyIn(folder), true);
  expect((await lstat(join(folder, 'grace.pem'))).isFile()).toBe(true);
  expect(await refusalOf(readFile(target))).toMatchObject({ code: 'ENOENT' });
});

test('writeKeyFile: FILE_NOT_READABLE where a file is in the place of the folder', async () => {
  const folder = join(await temporaryFolder(), 'keys');
  await writeFile(folder, '');
  expect(await refusalOf(writeKeyFile(keyIn(folder), false))).toMatchObject({ code: 'FILE_NOT_READABLE' });
});

test('refuseExistingKey: also a public half without its key', async () => {
  const folder = await temporaryFolder();
  await refuseExistingKey(keyIn(folder));
  await writeFile(join(folder, 'grace.pub'), 'somebody wants this\n');
  expect(await refusalOf(refuseExistingKey(keyIn(folder)))).toMatchObject({
    code: 'KEY_EXISTS',
    summary: expect.stringContaining('grace.pub'),
  });
});

test('listKeyNames: by name, public halves and other files aside; none without a folder', async () => {
  const folder = await temporaryFolder();
  for (const name of ['grace.pem', 'grace.pub', 'ada@home.pem', '.pem', 'notes.txt']) {
    await writeFile(join(folder, name), '');
  }
  expect(await listKeyNames(folder)).toEqual(['ada@home', 'grace']);
  expect(await listKeyNames(join(folder, 'none'))).toEqual([]);
  await mkdir(join(folder, 'sub'));
  expect(await refusalOf(listKeyNames(join(folder, 'notes.txt')))).toMatchObject({ code: 'FILE_NOT_READABLE' });
});
