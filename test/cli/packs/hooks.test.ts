import { execFileSync, spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { chmod, mkdir, mkdtemp, readFile, realpath, rm, stat, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { preCommitHook } from '../../../src/cli/packs/hooks.js';
import { hooksCommand } from '../../../src/cli/packs/pack-commands.js';
import { EXAMPLE_POLICY } from '../../support/governed-repository.js';
import { invoke } from '../recorded-context.js';

// A promptos that the developer has installed must not help the hook.
const foldersWithoutPromptos = (process.env.PATH ?? '')
  .split(':')
  .filter((folder) => !existsSync(join(folder, 'promptos')));
const env = {
  PATH: foldersWithoutPromptos.join(':'),
  GIT_CONFIG_GLOBAL: '/dev/null',
  GIT_CONFIG_NOSYSTEM: '1',
  GIT_AUTHOR_NAME: 'Ada',
  GIT_AUTHOR_EMAIL: 'ada@example.org',
  GIT_COMMITTER_NAME: 'Ada',
  GIT_COMMITTER_EMAIL: 'ada@example.org',
};
let root: string;
let repo: string;
const git = (...args: string[]) => execFileSync('git', ['-C', repo, ...args], { env, encoding: 'utf8', stdio: 'pipe' });
const write = async (path: string, text: string) => {
  await mkdir(dirname(join(repo, path)), { recursive: true });
  await writeFile(join(repo, path), text);
};
const install = (cwd = repo) => invoke(hooksCommand, ['install'], { cwd, env });
const hookPath = () => join(repo, '.git/hooks/pre-commit');

beforeEach(async () => {
  root = await realpath(await mkdtemp(join(tmpdir(), 'promptos-hooks-')));
  repo = join(root, 'repo');
  await mkdir(repo);
  git('init', '-q', '--template=');
});
afterEach(() => rm(root, { recursive: true, force: true }));

describe('hooks install', () => {
  test('hooks install: writes an executable hook, once', async () => {
    expect((await install()).stdout).toBe('.git/hooks/pre-commit: installed\n');
    const text = await readFile(hookPath(), 'utf8');
    expect((await stat(hookPath())).mode & 0o111).toBe(0o111);
    expect((await install()).stdout).toBe('.git/hooks/pre-commit: current\n');
    expect(await readFile(hookPath(), 'utf8')).toBe(text);
  });

  test('hooks install: works from a folder below the top', async () => {
    await mkdir(join(repo, 'a/b'), { recursive: true });
    await install(join(repo, 'a/b'));
    expect(await readFile(hookPath(), 'utf8')).toContain('promptos');
  });

  test('hooks install: renews an older hook of ours and one that is not executable', async () => {
    await install();
    await writeFile(hookPath(), `${await readFile(hookPath(), 'utf8')}# older\n`);
    expect((await install()).stdout).toContain('renewed');
    await chmod(hookPath(), 0o644);
    expect((await install()).stdout).toContain('renewed');
    expect((await stat(hookPath())).mode & 0o111).toBe(0o111);
  });

  test('hooks install: a foreign hook is HOOK_FOREIGN and stays byte for byte', async () => {
    await write('.git/hooks/pre-commit', '#!/bin/sh\nexit 0\n');
    await expect(install()).rejects.toMatchObject({ code: 'HOOK_FOREIGN', exitCode: 1 });
    expect(await readFile(hookPath(), 'utf8')).toBe('#!/bin/sh\nexit 0\n');
  });

  test('hooks install: a dangling symbolic link is foreign too', async () => {
    await mkdir(join(repo, '.git/hooks'));
    await symlink('../../nowhere', hookPath());
    await expect(install()).rejects.toMatchObject({ code: 'HOOK_FOREIGN' });
  });

  test("hooks install: honours core.hooksPath, and writes no path of this machine into the repository's files", async () => {
    git('config', 'core.hooksPath', 'tools/hooks');
    await mkdir(join(repo, 'a'));
    await install(join(repo, 'a'));
    expect(await readFile(join(repo, 'tools/hooks/pre-commit'), 'utf8')).toBe(preCommitHook(null));
    await expect(stat(hookPath())).rejects.toMatchObject({ code: 'ENOENT' });
  });

  test('hooks install: outside a repository is REPO_NOT_GIT', async () => {
    await expect(install(root)).rejects.toMatchObject({ code: 'REPO_NOT_GIT', exitCode: 2 });
  });
});

describe('the pre-commit hook', () => {
  /** A promptos that tells what it was called with and what it saw, and fails when a prompt says "bad". */
  const STAND_IN = '#!/bin/sh\necho "$@" $(cat "$2/P00.md") >> "$STAND_IN_LOG"\n! grep -q bad "$2/P00.md"\n';
  let log: string;
  const commit = (extraEnv: Record<string, string> = {}) =>
    spawnSync('git', ['-C', repo, 'commit', '-qm', 'change'], {
      env: { ...env, STAND_IN_LOG: log, ...extraEnv },
      encoding: 'utf8',
    });
  const calls = () => readFile(log, 'utf8').catch(() => '');
  const addPack = async (folder: string, text: string) => {
    await write(join(folder, 'prompts.index.json'), '{}');
    await write(join(folder, 'P00.md'), text);
    git('add', '-A');
  };

  beforeEach(async () => {
    log = join(root, 'log');
    const program = join(root, "it's a promptos");
    await writeFile(program, STAND_IN);
    await chmod(program, 0o755);
    await write('.git/hooks/pre-commit', preCommitHook(program));
    await chmod(hookPath(), 0o755);
  });

  test('the hook: lints a staged pack, and lets a good one through', async () => {
    await addPack('my prompts', 'good');
    expect(commit().status).toBe(0);
    expect(await calls()).toBe('lint my prompts good\n');
  });

  test('the hook: stops a commit whose pack fails', async () => {
    await addPack('prompts', 'bad');
    expect(commit().status).toBe(1);
    expect(git('rev-list', '--all', '--count').trim()).toBe('0');
  });

  test('the hook: judges what is staged, not the working tree', async () => {
    await addPack('prompts', 'bad');
    await write('prompts/P00.md', 'good');
    expect(commit().status).toBe(1);
    git('add', '-A');
    await write('prompts/P00.md', 'bad');
    expect(commit().status).toBe(0);
    expect(await calls()).toBe('lint prompts bad\nlint prompts good\n');
  });

  test('the hook: stays out of commits that touch no pack', async () => {
    await addPack('prompts', 'good');
    commit();
    await rm(log);
    await write('other.txt', 'text');
    git('add', '-A');
    expect(commit().status).toBe(0);
    expect(await calls()).toBe('');
  });

  test('the hook: lints a pack at the top of the repository, and several packs', async () => {
    await addPack('.', 'good');
    await addPack('second', 'bad');
    expect(commit().status).toBe(1);
    expect((await calls()).split('\n').sort()).toEqual(['', 'lint . good', 'lint second bad']);
  });

  test('the hook: without a promptos a staged pack is not let through, other commits are', async () => {
    await write('.git/hooks/pre-commit', preCommitHook('/nowhere/promptos'));
    await write('other.txt', 'text');
    git('add', '-A');
    expect(commit().status).toBe(0);
    await addPack('prompts', 'good');
    const refused = commit();
    expect([refused.status, refused.stderr]).toEqual([1, expect.stringContaining('promptos: not found')]);
  });

  test("the hook: prefers the repository's own promptos", async () => {
    await write('node_modules/.bin/promptos', '#!/bin/sh\necho own > "$STAND_IN_LOG"\n');
    await chmod(join(repo, 'node_modules/.bin/promptos'), 0o755);
    await write('.gitignore', 'node_modules\n');
    await addPack('prompts', 'good');
    expect(commit().status).toBe(0);
    expect(await calls()).toBe('own\n');
  });
});

describe('the pre-commit hook with a job', () => {
  /** The command line itself, from its bundle. */
  const program = fileURLToPath(new URL('../../../bin/promptos', import.meta.url));
  let job: string;
  const commit = (...args: string[]) => {
    const { status, stderr } = spawnSync('git', ['-C', repo, 'commit', '-qm', 'change', ...args], {
      env: { ...env, PATH: process.env.PATH ?? '', HOME: root },
      encoding: 'utf8',
    });
    return { status, stderr };
  };

  beforeEach(async () => {
    job = join(root, 'the job.json');
    const scope = { allow: ['src/**'], deny: [] };
    const criterion = { id: 'AC1', text: 'it rounds' };
    const text = { title: 'Split', objective: 'o', deliverables: ['d'], exclusions: [] };
    await writeFile(job, JSON.stringify({ ...text, acceptance_criteria: [criterion], scope }));
    const policy = `${EXAMPLE_POLICY}prompt_packs: ['${'0'.repeat(64)}']\n`;
    await write('.promptos/policy.yaml', policy);
    await write('src/a.txt', 'one\n');
    git('add', '-A');
    git('commit', '-qm', 'first');
    const done = await invoke(hooksCommand, ['install', '--job', job], { cwd: repo, env });
    expect(done.stdout).toContain('commits are held to the job "Split"');
    // The hook must call this build, whatever is on PATH.
    expect(await readFile(hookPath(), 'utf8')).toContain(program);
  });

  test('a commit in scope is made, one out of scope is refused with its finding and how to commit all the same', async () => {
    await write('src/a.txt', 'two\n');
    git('add', '-A');
    expect(commit()).toMatchObject({ status: 0 });
    await write('docs/b.txt', 'x\n');
    git('add', '-A');
    const refused = commit();
    expect(refused.status).toBe(1);
    expect(refused.stderr).toContain('docs/b.txt is out of scope');
    expect(refused.stderr).toContain('git commit --no-verify');
    expect(git('rev-list', '--count', 'HEAD').trim()).toBe('2');
    expect(commit('--no-verify')).toMatchObject({ status: 0 });
  });

  test('a commit of some files is judged by these files, and one that changes none is let through', async () => {
    await write('docs/b.txt', 'x\n');
    await write('src/a.txt', 'two\n');
    git('add', '-A');
    expect(commit('src/a.txt')).toMatchObject({ status: 0 });
    expect(commit('docs/b.txt')).toMatchObject({ status: 1 });
    git('reset', '-q');
    expect(commit('--allow-empty')).toMatchObject({ status: 0 });
    await write('src/a.txt', 'three\n');
    expect(commit('-a')).toMatchObject({ status: 0 });
  });

  test('a job that cannot be read refuses the commit; without the setting no commit is judged', async () => {
    await rm(job);
    await write('src/a.txt', 'two\n');
    git('add', '-A');
    expect(commit()).toMatchObject({ status: 1, stderr: expect.stringContaining('FILE_NOT_READABLE') });
    git('config', '--unset', 'promptos.job');
    expect(commit()).toMatchObject({ status: 0 });
  });

  test('in a linked worktree the hook judges what is staged there', async () => {
    const linked = join(root, 'linked');
    git('worktree', 'add', '-q', linked);
    await mkdir(join(linked, 'docs'));
    await writeFile(join(linked, 'docs/b.txt'), 'x\n');
    repo = linked;
    git('add', '-A');
    expect(commit()).toMatchObject({ status: 1, stderr: expect.stringContaining('docs/b.txt is out of scope') });
  });

  test('hooks install: paths below the top are kept relative to it, and a job that is none is refused', async () => {
    await write('jobs/one.json', await readFile(job, 'utf8'));
    await mkdir(join(repo, 'sub'));
    await invoke(hooksCommand, ['install', '--job', '../jobs/one.json'], { cwd: join(repo, 'sub'), env });
    expect(git('config', 'promptos.job').trim()).toBe('jobs/one.json');
    await write('jobs/none.json', '{}');
    const install = (...args: string[]) => invoke(hooksCommand, ['install', ...args], { cwd: repo, env });
    await expect(install('--job', 'jobs/none.json')).rejects.toMatchObject({ code: 'JOB_INVALID' });
    await expect(install('--plan', 'jobs/none.json')).rejects.toMatchObject({ code: 'USAGE' });
    expect(git('config', 'promptos.job').trim()).toBe('jobs/one.json');
  });
});
