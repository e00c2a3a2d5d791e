import { mkdir, mkdtemp, realpath, rm, symlink } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { showFolders } from '../../../src/adapters/sandbox/system-files.js';

let root: string;
const at = (path: string): string => join(root, path);

beforeEach(async () => {
  root = await realpath(await mkdtemp(join(tmpdir(), 'promptos-system-')));
});
afterEach(() => rm(root, { recursive: true, force: true }));

test('system files: links are links, and what they lead to is shown where no folder has it', async () => {
  for (const folder of ['usr/bin', 'etc/ssl', 'var/opt', 'var/usrlocal', 'var/lib/certificates', 'var/log']) {
    await mkdir(at(folder), { recursive: true });
  }
  await symlink('usr/bin', at('bin'));
  await symlink('var/opt', at('opt'));
  await symlink('../var/usrlocal', at('usr/local'));
  await symlink(at('var/lib/certificates'), at('etc/ssl/certs'));
  const more = ['usr/local', 'etc/ssl/certs', 'etc/ssl/missing'].map(at);
  expect(await showFolders(['usr', 'bin', 'etc', 'opt', 'missing'].map(at), more)).toEqual([
    { kind: 'readable', path: at('usr') },
    { kind: 'link', path: at('bin'), target: 'usr/bin' },
    { kind: 'readable', path: at('etc') },
    { kind: 'link', path: at('opt'), target: 'var/opt' },
    ...['var/opt', 'var/usrlocal', 'var/lib/certificates'].map((path) => ({ kind: 'readable', path: at(path) })),
  ]);
});
