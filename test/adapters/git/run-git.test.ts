import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, onTestFinished, test } from 'vitest';
import { gitIn, runGit } from '../../../src/adapters/git/run-git.js';
import { createDirectStarter } from '../../../src/adapters/platform/direct-starter.js';
import { createLauncher } from '../../../src/adapters/platform/launcher.js';
import { PromptOsError } from '../../../src/contracts/errors.js';
import { PERSON } from '../git-fixtures.js';

const launcher = createLauncher(process.env.PATH);
afterAll(() => launcher.close());

describe.each([
  ['this process', createDirectStarter('session')],
  ['a launcher', launcher],
])('started by %s', (_, programs) => {
  const call = (...args: string[]) => ({ args, cwd: tmpdir(), env: PERSON, programs });

  test('runGit: an exit code is a result, and `bytes` makes it GIT_FAILED with what git printed', async () => {
    expect(await runGit(call('rev-parse', '--bad-option-x', '--verify', 'x'))).toMatchObject({ exitCode: 128 });
    const failure = await gitIn(call())
      .bytes(['nosuchcommand'])
      .catch((error: unknown) => error);
    expect(failure).toMatchObject({ code: 'GIT_FAILED', retryable: true });
    expect(String(failure)).toContain("'nosuchcommand' is not a git command");
  });

  test.each([
    "fatal: sha1 file '.git/index.lock' write error. Out of diskspace",
    'error: unable to write file: No space left on device',
  ])('runGit: `bytes` makes it DISK_FULL where git says so: %s', async (said) => {
    const folder = await mkdtemp(join(tmpdir(), 'promptos-git-'));
    onTestFinished(() => rm(folder, { recursive: true, force: true }));
    await writeFile(join(folder, 'git'), `#!/bin/sh\necho "${said}" >&2\nexit 128\n`, { mode: 0o755 });
    const git = gitIn({ ...call(), env: { ...PERSON, PATH: `${folder}:${process.env.PATH}` } });
    await expect(git.bytes(['add', '--all'])).rejects.toMatchObject({ code: 'DISK_FULL' });
  });

  test('runGit: input reaches git, output comes back as bytes', async () => {
    const { stdout } = await runGit({ ...call('hash-object', '--stdin'), input: 'hello\n' });
    expect(stdout.toString('latin1').trim()).toBe('ce013625030ba8dba906f756967f9e9ca394464a');
  });

  test('runGit: more output than allowed stops git, with the error that was asked for', async () => {
    const much = { ...call('help', '--all'), maxBytes: 100 };
    await expect(runGit(much)).rejects.toMatchObject({ code: 'GIT_FAILED' });
    const tooMuch = (limit: number) => new PromptOsError('PATCH_TOO_LARGE', `More than ${limit}.`);
    await expect(runGit({ ...much, tooMuch })).rejects.toMatchObject({
      code: 'PATCH_TOO_LARGE',
      summary: 'More than 100.',
    });
  });

  test('runGit: a missing folder is GIT_FAILED, a missing git GIT_NOT_FOUND', async () => {
    await expect(runGit({ ...call('version'), cwd: join(tmpdir(), 'nosuchfolder') })).rejects.toMatchObject({
      code: 'GIT_FAILED',
    });
    const empty = await mkdtemp(join(tmpdir(), 'promptos-test-path-'));
    try {
      await expect(runGit({ ...call('version'), env: { PATH: empty } })).rejects.toMatchObject({
        code: 'GIT_NOT_FOUND',
      });
    } finally {
      await rm(empty, { recursive: true });
    }
  });

  test('runGit: an abort stops git and throws its reason', async () => {
    const controller = new AbortController();
    const args = ['-c', 'alias.wait=!sleep 600', 'wait'];
    const running = runGit({ args, cwd: tmpdir(), env: PERSON, programs, signal: controller.signal });
    setTimeout(() => controller.abort(new Error('cancelled')), 300);
    await expect(running).rejects.toThrow('cancelled');
    await expect(runGit({ ...call('version'), signal: controller.signal })).rejects.toThrow('cancelled');
  });
});
