import { existsSync, readFileSync } from 'node:fs';
import { chmod, mkdir, rm, symlink, writeFile } from 'node:fs/promises';
import { delimiter, join } from 'node:path';
import { afterEach, describe, expect, test } from 'vitest';
import { findProgram } from '../../../src/adapters/platform/find-program.js';
import { systemCallFilter } from '../../../src/adapters/sandbox/system-call-filter.js';
import { type Box, createBox } from './box.js';

const PERL = '/usr/bin/perl';
const SYSTEM_PATH = '/usr/bin:/bin';
const boxes: Box[] = [];

async function openBox(...given: Parameters<typeof createBox>): Promise<Box> {
  const box = await createBox(...given);
  boxes.push(box);
  return box;
}
afterEach(async () => {
  for (const box of boxes.splice(0)) await box.close();
});

describe.runIf(process.platform === 'linux')('sandboxed program', () => {
  test('variables of the loader are set inside only: bubblewrap runs outside, in the checkout', async () => {
    const { root } = await openBox();
    const [bin, seen] = [join(root, 'bin'), join(root, 'seen')];
    await mkdir(bin);
    const bwrap = findProgram('bwrap', process.env.PATH);
    await writeFile(join(bin, 'bwrap'), `#!/bin/sh\nenv >> '${seen}'\nexec '${bwrap}' "$@"\n`);
    await chmod(join(bin, 'bwrap'), 0o755);
    const box = await openBox({}, { path: [bin, process.env.PATH].join(delimiter) });
    const env = { PATH: SYSTEM_PATH, LD_LIBRARY_PATH: 'build/lib:', LD_AUDIT: '', NAME: 'value' };
    const { stdout } = await box.sh('echo "$LD_LIBRARY_PATH $NAME"', { env });
    expect(stdout).toBe('build/lib: value\n');
    expect(readFileSync(seen, 'utf8')).toMatch(/^NAME=value$/m);
    expect(readFileSync(seen, 'utf8')).not.toMatch(/^LD_/m);
  });

  test.runIf(process.arch === 'x64' && existsSync(PERL))("keys of the worker's login cannot be read", async () => {
    const box = await openBox();
    const [addKey, keyctl] = [248, 250];
    const script = `for my $call ([${keyctl}, 0, -3, 0, 0, 0], [${addKey}, 0, 0, 0, 0, -3]) {
      my $result = syscall($call->[0], @$call[1..5]); print "$result $!\n"; }`;
    expect((await box.run([PERL, '-e', script])).stdout).toBe('-1 Operation not permitted\n'.repeat(2));
  });

  test.runIf(existsSync(PERL))('shared memory that no process has attached stays small', async () => {
    const box = await openBox();
    const script = 'for (4096, 1 << 20, 1 << 33) { print defined shmget(0, $_, 0600) ? "made" : $!, "\\n" }';
    const { stdout } = await box.run([PERL, '-e', script]);
    expect(stdout).toBe(systemCallFilter() === null ? expect.anything() : `made\n${'Invalid argument\n'.repeat(2)}`);
  });

  test('disk: files in a folder without permissions count', async () => {
    const box = await openBox({ disk_bytes: 4 * 1_024 ** 2, cpu_seconds: 60 });
    const script = 'mkdir x; head -c 8000000 /dev/zero > x/file; chmod 000 x; sleep 60';
    expect(await box.sh(script)).toMatchObject({ ended_by: 'limit', limit: expect.stringContaining('disk_bytes') });
    await chmod(join(box.checkout, 'x'), 0o700);
  });

  test('a key, the state and a repository stay hidden in a folder that is named by way of a link', async () => {
    const box = await openBox();
    const alias = `${box.root}-alias`;
    await symlink(box.root, alias);
    try {
      const named = ['keys', 'repository', 'state'].map((name) => join(alias, name));
      const { stdout } = await box.sh(
        `cat ${alias}/keys/writer.pem ${alias}/repository/notes.txt ${alias}/state/journal`,
        {
          shows: named,
        },
      );
      expect(stdout).toBe('');
    } finally {
      await rm(alias);
    }
  });

  test('a program whose way to the network cannot be made is lost, so that it is tried again', async () => {
    const full = Object.assign(new Error('no space'), { code: 'ENOSPC', syscall: 'mkdir', errno: -28 });
    const box = await openBox({}, { openNetwork: () => Promise.reject(full) });
    await expect(box.sh('true', { network: { hosts: ['example.org'] } })).rejects.toMatchObject({
      code: 'EXECUTOR_LOST',
      message: expect.stringContaining('A program could not be started (ENOSPC).'),
    });
  });

  test('no descriptor is open but the three of every program', async () => {
    const box = await openBox();
    expect((await box.sh('echo /proc/self/fd/*')).stdout).toMatch(/^\/proc\/self\/fd\/0 \S+\/1 \S+\/2( \S+\/3)?\n$/);
  });

  test('TMPDIR: a folder in /tmp is there too', async () => {
    const box = await openBox();
    for (const TMPDIR of ['/tmp/of-user/1000', '/tmp', '/tmp/', '/var/tmp/job', '/dev/shm/job']) {
      const { exit_code, stderr } = await box.sh('mktemp', { env: { PATH: SYSTEM_PATH, TMPDIR } });
      expect([TMPDIR, exit_code, stderr]).toEqual([TMPDIR, 0, '']);
    }
  });

  test('a toolchain that was removed does not keep programs from starting', async () => {
    const box = await openBox();
    const toolchain = join(box.root, 'tool chain');
    await mkdir(join(toolchain, 'lib/node_modules'), { recursive: true });
    await mkdir(join(toolchain, 'bin'));
    const env = { PATH: [join(toolchain, 'bin'), SYSTEM_PATH, '/missing/bin', 'relative'].join(delimiter) };
    expect(await box.sh(`ls '${toolchain}'`, { env })).toMatchObject({ stdout: 'bin\nlib\n' });
    await rm(toolchain, { recursive: true });
    expect(await box.sh('echo well', { env })).toMatchObject({ stdout: 'well\n' });
  });
});

describe('systemCallFilter', () => {
  test('a processor whose numbers are not known has none', () => {
    expect(systemCallFilter('mips')).toBeNull();
  });
});
