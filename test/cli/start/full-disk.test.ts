import { execFile } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { expect, onTestFinished, test } from 'vitest';
import { PROMPTOS } from '../../support/built-package.js';
import { canMount, UNSHARE } from '../../support/compose-worker.js';

/** Runs a script in a folder with a disk of one MiB of its own, of which so many KiB are free. */
async function onDisk(freeKib: number, script: string) {
  const disk = await mkdtemp(join(tmpdir(), 'promptos-full-'));
  onTestFinished(() => rm(disk, { recursive: true, force: true }));
  const setUp = [
    'set -e',
    `mount -t tmpfs -o size=1m none ${disk}`,
    `mkdir ${disk}/shop ${disk}/home`,
    `cd ${disk}/shop`,
    'git init -q -b main .',
    `dd if=/dev/zero of=${disk}/fill bs=4k 2>/dev/null || true`,
    `truncate -s -${freeKib}K ${disk}/fill`,
    'set +e',
    `promptos() { "${process.execPath}" "${PROMPTOS}" "$@"; }`,
  ];
  const whatIsThere = `find ${disk}/shop ${disk}/home -path "*/.git" -prune -o -mindepth 1 -print`;
  const [program = '', ...args] = [
    ...UNSHARE,
    'sh',
    '-c',
    [...setUp, script, 'echo "exit $?"', whatIsThere].join('\n'),
  ];
  const env = {
    ...process.env,
    HOME: `${disk}/home`,
    XDG_CONFIG_HOME: '',
    PROMPTOS_KEYS_DIR: '',
    PROMPTOS_CACHE_DIR: join(tmpdir(), 'promptos-none'),
    NODE_DISABLE_COMPILE_CACHE: '1',
  };
  const { stdout, stderr } = await promisify(execFile)(program, args, { env });
  const [exit = '', ...left] = stdout.slice(stdout.indexOf('exit ')).trimEnd().split('\n');
  return { exit, stderr, left };
}

const INIT = 'promptos init --yes --alone --developer ada --no-passphrase --json > /dev/null';

// Of the files that init writes in order, each of these leaves room for some more.
test.runIf(canMount()).each([0, 4, 12, 20, 32, 40, 48])(
  'init: on a disk with %i KiB it says that the disk is full, and leaves nothing',
  async (free) => {
    const { exit, stderr, left } = await onDisk(free, INIT);
    expect(stderr).toContain('error DISK_FULL: ');
    expect(stderr).toContain('next: Free some space on that disk');
    expect({ exit, left: left.filter((path) => !/\/home\/\.(?:config|config\/promptos)$/.test(path)) }).toEqual({
      exit: 'exit 3',
      left: [],
    });
  },
);

test.runIf(canMount())('init: with room again the same command works', async () => {
  const { exit, left } = await onDisk(8, `${INIT}\ntruncate -s 0 ../fill\n${INIT}`);
  expect(exit).toBe('exit 0');
  expect(left.some((path) => path.endsWith('/shop/.promptos/policy.yaml'))).toBe(true);
});

test.runIf(canMount())('keys generate: on a full disk it says so, and leaves no part of a key', async () => {
  const { exit, stderr, left } = await onDisk(0, 'promptos keys generate --for grace --no-passphrase');
  expect(stderr).toContain('error DISK_FULL: The key ');
  expect({ exit, left: left.filter((path) => /grace/.test(path)) }).toEqual({ exit: 'exit 3', left: [] });
});

test.runIf(canMount())(
  'demo: a server that has no room for its database is a full disk, not a broken server',
  async () => {
    const temporal = [
      'printf \'#!/bin/sh\\n[ "$1" = --version ] && echo "temporal version 1.9.1 (Server 1.31.1, UI 2.49.1)"\\n\' > ../temporal',
      'chmod +x ../temporal',
    ];
    const demo = 'TEMPORAL_CLI_PATH="$(pwd)/../temporal" promptos demo --directory ../demo';
    const { exit, stderr } = await onDisk(900, [...temporal, demo].join('\n'));
    expect(stderr).toMatch(/error DISK_FULL: The server ended .* The disk of .*\/state has [\d,]+ bytes left\./);
    expect(exit).toBe('exit 3');
  },
);

test('keys generate: ends where the home folder is one in which no folder can be made', async () => {
  const env = { ...process.env, HOME: '/proc', XDG_CONFIG_HOME: '', PROMPTOS_KEYS_DIR: '' };
  const call = promisify(execFile)(
    process.execPath,
    [PROMPTOS, 'keys', 'generate', '--for', 'grace', '--no-passphrase'],
    { env, timeout: 60_000 },
  );
  await expect(call).rejects.toMatchObject({ code: 2, stderr: expect.stringContaining('error FILE_NOT_READABLE: ') });
});
