import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { findSandbox } from '../../../src/adapters/sandbox/available.js';
import { pathWithBubblewrap } from '../../support/stand-in-bubblewrap.js';

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'promptos-available-'));
});
afterEach(() => rm(folder, { recursive: true, force: true }));

const onLinux = test.skipIf(process.platform !== 'linux');

onLinux('findSandbox: without bubblewrap on PATH says what to install', async () => {
  expect(await findSandbox({ path: folder })).toEqual({
    kind: 'none',
    reason: expect.stringMatching(/^There is no program (?:bwrap|prlimit|setsid) on PATH$/),
    install: expect.stringContaining('apt-get install bubblewrap'),
  });
});

onLinux('findSandbox: names the program and the version of a bubblewrap that makes a sandbox', async () => {
  const path = await pathWithBubblewrap('works', folder);
  expect(await findSandbox({ path })).toEqual({
    ...{ kind: 'bubblewrap', program: join(folder, 'bwrap'), version: '0.8.0' },
    laysUnder: { ok: false, reason: 'it was not asked for' },
  });
});

onLinux('findSandbox: a bubblewrap that cannot make namespaces is none, with what it said', async () => {
  const path = await pathWithBubblewrap('broken', folder);
  expect(await findSandbox({ path })).toEqual({
    kind: 'none',
    reason: 'bubblewrap cannot make a sandbox here: bwrap: No permissions to create new namespace',
    install: expect.stringContaining('user.max_user_namespaces'),
  });
});

test('findSandbox: a platform without a sandbox is none', async () => {
  expect(await findSandbox({ path: folder, platform: 'win32' })).toMatchObject({
    kind: 'none',
    reason: 'There is no sandbox for win32',
  });
});
