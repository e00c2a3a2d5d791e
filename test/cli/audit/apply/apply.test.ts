import { execFileSync } from 'node:child_process';
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { createPublisher } from '../../../../src/activities/finalise.js';
import { createFileSystemStore } from '../../../../src/adapters/store/fs/file-system-store.js';
import { applyCommand } from '../../../../src/cli/audit/audit-commands.js';
import { sha256Hex } from '../../../../src/contracts/digest.js';
import type { ArtifactStore } from '../../../../src/ports/artifact-store.js';
import { runCommand } from '../../../support/command-run.js';
import { type FinishedRunOptions, finishedRun } from '../../../support/finished-run.js';
import { noSigners } from '../../../support/no-signers.js';

let cwd: string;
let repo: string;
let base: string;
let patch: string;
let store: ArtifactStore;
const env = {
  PATH: process.env.PATH,
  HOME: '/nonexistent',
  GIT_CONFIG_NOSYSTEM: '1',
  GIT_AUTHOR_NAME: 'Ada',
  GIT_AUTHOR_EMAIL: 'ada@example.org',
  GIT_COMMITTER_NAME: 'Ada',
  GIT_COMMITTER_EMAIL: 'ada@example.org',
};
const git = (...args: readonly string[]): string =>
  execFileSync('git', [...args], { cwd: repo, env })
    .toString()
    .trim();
const write = async (path: string, content: string): Promise<void> => {
  await mkdir(join(repo, path, '..'), { recursive: true });
  await writeFile(join(repo, path), content);
};
const commitAll = (message: string): string => {
  git('add', '-A');
  git('commit', '-qm', message);
  return git('rev-parse', 'HEAD');
};
const lines = (...given: readonly string[]): string => `${given.join('\n')}\n`;

beforeEach(async () => {
  cwd = await mkdtemp(join(tmpdir(), 'promptos-apply-test-'));
  store = createFileSystemStore(join(cwd, 'store'));
  repo = join(cwd, 'a répo');
  await mkdir(repo);
  git('init', '-q', '-b', 'main');
  await write('.gitignore', 'ignored/\n');
  await write('src/sum.ts', lines('one', 'two', 'three', 'four'));
  await write('src/old name.ts', lines('a', 'b', 'c', 'd', 'e'));
  await write('src/gone.ts', 'gone\n');
  await write('README.md', 'readme\n');
  base = commitAll('base');
  await write('src/sum.ts', lines('one', 'TWO', 'three', 'four'));
  await rm(join(repo, 'src/gone.ts'));
  git('mv', 'src/old name.ts', 'src/nëw name.ts');
  await write('src/new/run.sh', '#!/bin/sh\n');
  await write('src/blob.bin', '\u0000\u0001binary\u0000');
  git('add', '-A');
  git('update-index', '--chmod=+x', 'src/new/run.sh');
  patch = execFileSync('git', ['diff', '--cached', '--binary', '-M', base], { cwd: repo, env }).toString();
  git('reset', '-q', '--hard', base);
  git('clean', '-fdq');
});
afterEach(() => rm(cwd, { recursive: true, force: true }));

async function publishRun(options: FinishedRunOptions = {}): Promise<void> {
  const run = await finishedRun(store, { patch, baseCommit: base, title: 'Fix\n the  sum', ...options });
  await createPublisher({ store, signers: noSigners })({ entries: run.entries, journal: [] });
}
const apply = (...args: readonly string[]) =>
  runCommand(applyCommand, ['run-1', '--repo', repo, ...args], { store, cwd, env, json: true });
const changed = (commit: string): string[] =>
  execFileSync('git', ['diff-tree', '-r', '-z', '--name-status', '--no-renames', `${commit}~`, commit], {
    cwd: repo,
    env,
  })
    .toString()
    .split('\0')
    .filter(Boolean);

describe('promptos apply', () => {
  test('commits exactly the patch on the branch that is checked out, with title and trailers', async () => {
    await publishRun();
    const { emitted } = await apply();
    const record = sha256Hex(await readFile(join(store.locate('run-1'), 'run_record.json')));
    expect(git('log', '-1', '--format=%H%n%P%n%D')).toBe(`${emitted[0]?.commit}\n${base}\nHEAD -> main`);
    expect(git('log', '-1', '--format=%B')).toBe(`Fix the sum\n\nPromptOS-Run: run-1\nPromptOS-Record: ${record}`);
    expect(git('log', '-1', '--format=%(trailers:key=PromptOS-Run,valueonly)')).toBe('run-1');
    expect(changed('HEAD')).toEqual([
      'A',
      'src/blob.bin',
      'D',
      'src/gone.ts',
      'A',
      'src/new/run.sh',
      'A',
      'src/nëw name.ts',
      'D',
      'src/old name.ts',
      'M',
      'src/sum.ts',
    ]);
    expect(git('ls-tree', 'HEAD', 'src/new/run.sh')).toContain('100755');
    expect(git('status', '--porcelain')).toBe('');
    expect(await readFile(join(repo, 'src/sum.ts'), 'utf8')).toBe(lines('one', 'TWO', 'three', 'four'));
  });

  test('a run that rests on a waiver: applied with a note until it expires, and refused with WAIVER_EXPIRED from then on', async () => {
    await publishRun({ waiver: { expires_at: '2026-02-01T00:00:00.000Z' }, plan: { rules_version: 2 } });
    await expect(apply()).rejects.toMatchObject({
      code: 'WAIVER_EXPIRED',
      message: expect.stringContaining('checks-1 (E2, by grace until 2026-02-01T00:00:00.000Z, expired)'),
    });
    expect(git('rev-parse', 'HEAD')).toBe(base);
    await publishRun({
      ...{ runId: 'run-2', waiver: { expires_at: '2999-01-01T00:00:00.000Z' }, plan: { rules_version: 2 } },
    });
    const { stderr } = await runCommand(applyCommand, ['run-2', '--repo', repo], { store, cwd, env });
    expect(stderr).toContain('checks-1 (E2, by grace until 2999-01-01T00:00:00.000Z)');
  });

  test('GIT_FAILED for a configuration that git cannot read, and for one that leaves open whether to sign', async () => {
    await publishRun();
    const configured = join(cwd, 'gitconfig');
    const withConfiguration = async (text: string) => {
      await writeFile(configured, text);
      const own = { ...env, GIT_CONFIG_GLOBAL: configured };
      return runCommand(applyCommand, ['run-1', '--repo', repo], { store, cwd, env: own });
    };
    await expect(withConfiguration('[broken\n')).rejects.toMatchObject({
      code: 'GIT_FAILED',
      message: expect.stringMatching(/bad config line 1 .* Correct what git names/),
    });
    await expect(withConfiguration('[commit]\n\tgpgSign = maybe\n')).rejects.toMatchObject({
      code: 'GIT_FAILED',
      message: expect.stringContaining("'maybe' for 'commit.gpgsign'"),
    });
    expect(git('rev-parse', 'HEAD')).toBe(base);
  });

  test('other changes: later commits and dirty files elsewhere stay as they are', async () => {
    await publishRun();
    await write('README.md', 'another readme\n');
    commitAll('elsewhere');
    await write('README.md', 'being written\n');
    await write('untracked.txt', 'mine\n');
    await apply();
    expect(git('status', '--porcelain')).toBe('M README.md\n?? untracked.txt');
    expect(git('show', 'HEAD:README.md')).toBe('another readme');
  });

  test('run from a sub-folder with the variables of a hook: still the whole repository, and only this one', async () => {
    await publishRun();
    const hook = { ...env, GIT_DIR: join(cwd, 'nowhere'), GIT_INDEX_FILE: join(cwd, 'nowhere'), GIT_PREFIX: 'src/' };
    await runCommand(applyCommand, ['run-1'], { store, cwd: join(repo, 'src'), env: hook });
    expect(changed('HEAD')).toHaveLength(12);
  });

  test('--branch: a new one is made at HEAD, and the files of the user stay', async () => {
    await publishRun();
    await write('src/sum.ts', 'dirty here\n');
    const { emitted } = await apply('--branch', 'fix/sum');
    expect(emitted[0]).toMatchObject({ branch: 'fix/sum', commit: git('rev-parse', 'fix/sum') });
    expect(git('rev-parse', 'HEAD', 'fix/sum~')).toBe(`${base}\n${base}`);
    expect(git('symbolic-ref', '--short', 'HEAD')).toBe('main');
    expect(await readFile(join(repo, 'src/sum.ts'), 'utf8')).toBe('dirty here\n');
  });

  test('--branch: an existing one grows, and one of a bare repository too', async () => {
    await publishRun();
    git('checkout', '-q', '-b', 'topic');
    await write('topic.txt', 'x\n');
    const tip = commitAll('topic');
    git('checkout', '-q', 'main');
    await apply('--branch', 'topic');
    expect(git('rev-parse', 'topic~')).toBe(tip);
    const bare = join(cwd, 'bare.git');
    git('clone', '-q', '--bare', repo, bare);
    await expect(apply('--repo', bare)).rejects.toMatchObject({ code: 'USAGE' });
    await apply('--repo', bare, '--branch', 'fix');
    expect(execFileSync('git', ['rev-parse', 'fix~'], { cwd: bare, env }).toString().trim()).toBe(base);
  });

  test('hooks: none runs, so none can change what was approved', async () => {
    await publishRun();
    for (const hook of ['pre-commit', 'post-merge', 'pre-merge-commit', 'reference-transaction']) {
      await writeFile(join(repo, '.git/hooks', hook), `#!/bin/sh\ntouch '${cwd}/hooked'\nexit 1\n`, { mode: 0o755 });
    }
    await apply();
    await expect(readFile(join(cwd, 'hooked'))).rejects.toMatchObject({ code: 'ENOENT' });
  });

  test('RUN_NOT_APPROVED for every other outcome, and RUN_NOT_FOUND for no run', async () => {
    await expect(apply()).rejects.toMatchObject({ code: 'RUN_NOT_FOUND' });
    await publishRun({ outcome: 'rejected' });
    await expect(apply()).rejects.toMatchObject({ code: 'RUN_NOT_APPROVED', exitCode: 1 });
    expect(git('rev-parse', 'HEAD')).toBe(base);
  });

  test('PATCH_NOT_APPLICABLE when a file of the patch has moved on: changed, removed, put there, or become a folder', async () => {
    await publishRun();
    const changes: readonly (readonly [string, () => Promise<unknown>])[] = [
      ['src/sum.ts', () => write('src/sum.ts', lines('one', 'two', 'three', 'FOUR'))],
      ['src/gone.ts', () => rm(join(repo, 'src/gone.ts'))],
      ['src/blob.bin', () => write('src/blob.bin', 'other\n')],
      ['src/new/run.sh', () => write('src/new', 'a file\n')],
      ['src/gone.ts', () => rm(join(repo, 'src/gone.ts')).then(() => write('src/gone.ts/inside', 'x\n'))],
    ];
    for (const [named, change] of changes) {
      await change();
      const moved = commitAll('moved on');
      await expect(apply()).rejects.toMatchObject({
        code: 'PATCH_NOT_APPLICABLE',
        message: expect.stringContaining(named),
      });
      expect(git('rev-parse', 'HEAD')).toBe(moved);
      git('reset', '-q', '--hard', base);
      git('clean', '-fdq');
    }
  });

  test('PATCH_NOT_APPLICABLE the second time: the change is there already', async () => {
    await publishRun();
    await apply();
    const head = git('rev-parse', 'HEAD');
    await expect(apply()).rejects.toMatchObject({
      code: 'PATCH_NOT_APPLICABLE',
      message: expect.stringContaining('holds the change of the run already'),
    });
    expect(git('rev-parse', 'HEAD')).toBe(head);
  });

  test('--branch: a branch that does not exist is never said to hold the change', async () => {
    await publishRun();
    await apply();
    const refusal = await apply('--branch', 'fix').catch((error: unknown) => error);
    expect(refusal).toMatchObject({
      code: 'PATCH_NOT_APPLICABLE',
      message: expect.stringMatching(/^main holds the change .* Branch fix does not exist and would start at main/),
    });
    expect(git('branch', '--list', 'fix')).toBe('');
    // The way out that the hint names.
    git('branch', 'fix', base.slice(0, 12));
    const { emitted } = await apply('--branch', 'fix');
    expect(git('rev-parse', 'fix~')).toBe(base);
    expect(emitted[0]).toMatchObject({ branch: 'fix' });
    await expect(apply('--branch', 'fix')).rejects.toMatchObject({
      message: expect.stringMatching(/^fix holds the change .* There is nothing left to apply\.$/),
    });
  });

  test('--branch: what has moved is said of the branch that a new one would start at', async () => {
    await publishRun();
    await write('src/sum.ts', 'moved\n');
    commitAll('moved on');
    await expect(apply('--branch', 'fix')).rejects.toMatchObject({
      message: expect.stringMatching(/^main has changed since the run's base commit in: src\/sum\.ts/),
    });
  });

  test('REPO_DIRTY for a file of the patch that is changed, staged, untracked or ignored', async () => {
    await publishRun();
    const changes: readonly (readonly [string, () => Promise<unknown>])[] = [
      ['src/sum.ts', () => write('src/sum.ts', 'mine\n')],
      ['src/old name.ts', () => write('src/old name.ts', 'mine\n').then(() => git('add', '-A'))],
      ['src/blob.bin', () => write('src/blob.bin', 'mine\n')],
      ['src/gone.ts', () => rm(join(repo, 'src/gone.ts'))],
      ['src/new/run.sh', () => write('.git/info/exclude', 'src/new\n').then(() => write('src/new/run.sh', 'mine\n'))],
    ];
    for (const [named, change] of changes) {
      await change();
      await expect(apply()).rejects.toMatchObject({ code: 'REPO_DIRTY', message: expect.stringContaining(named) });
      expect(git('rev-parse', 'HEAD')).toBe(base);
      git('reset', '-q', '--hard', base);
      git('clean', '-fdxq');
    }
  });

  test('REPO_DIRTY for a branch that another worktree has checked out', async () => {
    await publishRun();
    git('worktree', 'add', '-q', '-b', 'elsewhere', join(cwd, 'other'));
    await expect(apply('--branch', 'elsewhere')).rejects.toMatchObject({ code: 'REPO_DIRTY' });
    expect(git('rev-parse', 'elsewhere')).toBe(base);
  });

  test('GIT_FAILED when another command changes the branch meanwhile, and the next step is to give the command again', async () => {
    await publishRun();
    // As a command that holds the branch at the same moment.
    await writeFile(join(repo, '.git/refs/heads/other.lock'), '');
    await expect(apply('--branch', 'other', '--yes')).rejects.toMatchObject({
      code: 'GIT_FAILED',
      message: expect.stringContaining('Give the command again'),
    });
    await rm(join(repo, '.git/refs/heads/other.lock'));
    await apply('--branch', 'other', '--yes');
    expect(changed('other')).not.toEqual([]);
  });

  test('REPO_NOT_FOUND, REPO_NOT_GIT, REPO_EMPTY, BASE_NOT_FOUND and USAGE for what cannot be a target', async () => {
    await publishRun();
    const plain = join(cwd, 'plain');
    await mkdir(plain);
    await expect(apply('--repo', plain)).rejects.toMatchObject({ code: 'REPO_NOT_GIT' });
    await expect(apply('--repo', join(cwd, 'nothing'))).rejects.toMatchObject({ code: 'REPO_NOT_FOUND' });
    execFileSync('git', ['init', '-q', plain], { env });
    await expect(apply('--repo', plain)).rejects.toMatchObject({ code: 'REPO_EMPTY' });
    execFileSync('git', ['commit', '-q', '--allow-empty', '-m', 'other'], { cwd: plain, env });
    await expect(apply('--repo', plain)).rejects.toMatchObject({ code: 'BASE_NOT_FOUND' });
    for (const branch of ['a..b', '-d', 'a b']) {
      await expect(apply(`--branch=${branch}`)).rejects.toMatchObject({ code: 'USAGE' });
    }
  });

  test('PATCH_NOT_APPLICABLE for a patch that does not fit its own base', async () => {
    await publishRun({ patch: patch.replaceAll(' two', ' 2').replaceAll('-two', '-2') });
    await expect(apply()).rejects.toMatchObject({ code: 'PATCH_NOT_APPLICABLE' });
  });
});
