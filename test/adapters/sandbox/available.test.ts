import { chmod, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { findSandbox } from '../../../src/adapters/sandbox/available.js';

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'promptos-available-'));
});
afterEach(() => rm(folder, { recursive: true, force: true }));

async function writeBwrap(script: string): Promise<void> {
  const program = join(folder, 'bwrap');
  await writeFile(program, `#!/bin/sh\n${script}\n`);
  await chmod(program, 0o755);
}

const find = (platform: NodeJS.Platform = 'linux') => findSandbox({ path: folder, platform });

test('findSandbox: without bubblewrap on PATH says what to install', async () => {
  const found = await find();
  expect(found).toMatchObject({ kind: 'none', reason: 'bubblewrap is not installed' });
  expect(found.kind === 'none' && found.install).toContain('apt-get install bubblewrap');
});

test('findSandbox: names the program and the version of a bubblewrap that can make namespaces', async () => {
  await writeBwrap('echo "bubblewrap 0.8.0"');
  expect(await find()).toEqual({ kind: 'bubblewrap', program: join(folder, 'bwrap'), version: '0.8.0' });
});

test('findSandbox: a bubblewrap that cannot make namespaces is none, with what it said', async () => {
  await writeBwrap(
    'if [ "$1" = --version ]; then echo "bubblewrap 0.8.0"; else echo "bwrap: No permissions to create new namespace" >&2; exit 1; fi',
  );
  const found = await find();
  expect(found).toMatchObject({
    kind: 'none',
    reason: 'bubblewrap 0.8.0 cannot make namespaces: bwrap: No permissions to create new namespace',
  });
  expect(found.kind === 'none' && found.install).toContain('user.max_user_namespaces');
});

test('findSandbox: a program of that name which is no bubblewrap is none', async () => {
  await writeBwrap('echo "something else"');
  expect(await find()).toMatchObject({ kind: 'none', reason: expect.stringContaining('does not answer --version') });
});

test('findSandbox: a platform without a sandbox is none', async () => {
  expect(await find('win32')).toMatchObject({ kind: 'none', reason: 'there is no sandbox for win32' });
});
