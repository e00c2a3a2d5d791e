import { mkdir, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { inspectTarget, resolveTarget } from '../../../../src/adapters/workspace/repository/target.js';
import { git, makeRepository, makeRoom, PERSON, writeFiles } from '../../git-fixtures.js';

let room: Awaited<ReturnType<typeof makeRoom>>;
let path: string;
let commit: string;
const env = PERSON;

beforeEach(async () => {
  room = await makeRoom();
  ({ path, commit } = await makeRepository(join(room.root, 'my shop')));
});
afterEach(() => room.remove());

const scope = (allow: string[], deny: string[] = []) => ({ allow, deny });

test("resolveTarget: an existing folder is a path, and its repository's top is found", async () => {
  expect(await resolveTarget('my shop', { cwd: room.root, env })).toEqual({ path, name: 'my shop' });
  expect(await resolveTarget(join(path, 'src'), { cwd: '/', env })).toEqual({ path, name: 'my shop' });
  expect(await resolveTarget('.', { cwd: join(path, 'src'), env })).toEqual({ path, name: 'my shop' });
});

test.each([
  'https://git.example.org/acme/shop.git',
  'git@git.example.org:acme/shop.git',
  'ssh://git@git.example.org/acme/shop/',
])('resolveTarget: the last one or two segments of %s name the current repository', async (url) => {
  git(path, 'remote', 'add', 'origin', url);
  for (const name of ['shop', 'acme/shop']) {
    expect(await resolveTarget(name, { cwd: join(path, 'src'), env })).toEqual({ path, name: 'acme/shop' });
  }
  await expect(resolveTarget('my shop', { cwd: path, env })).rejects.toMatchObject({ code: 'REPO_NOT_FOUND' });
});

test("resolveTarget: without a remote the folder's name counts", async () => {
  expect(await resolveTarget('my shop', { cwd: path, env })).toEqual({ path, name: 'my shop' });
});

test('resolveTarget: the error for what is neither a folder nor the name says the name', async () => {
  const failure = await resolveTarget('other/thing', { cwd: path, env }).catch((error: unknown) => error);
  expect(failure).toMatchObject({ code: 'REPO_NOT_FOUND', exitCode: 2 });
  expect(String(failure)).toContain('my shop');
  await expect(resolveTarget('', { cwd: room.root, env })).rejects.toMatchObject({ code: 'REPO_NOT_FOUND' });
});

test('resolveTarget: REPO_NOT_GIT for a folder in no repository', async () => {
  await mkdir(join(room.root, 'plain'));
  await expect(resolveTarget('plain', { cwd: room.root, env })).rejects.toMatchObject({ code: 'REPO_NOT_GIT' });
});

test('resolveTarget: GIT_DIR of a hook that calls us does not mislead', async () => {
  const hook = { ...env, GIT_DIR: '/nonexistent', GIT_WORK_TREE: '/' };
  expect((await resolveTarget('.', { cwd: path, env: hook })).path).toBe(path);
});

test('inspectTarget: the base is HEAD, or what was named', async () => {
  git(path, 'commit', '-q', '--allow-empty', '-m', 'second');
  expect(await inspectTarget(path, { scope: scope(['src/**']), env })).toEqual({
    baseCommit: git(path, 'rev-parse', 'HEAD'),
    baseBranch: 'main',
    untracked: [],
    scope: { useful: true, idle: [], twofold: [] },
  });
  expect((await inspectTarget(path, { base: 'main~1', scope: scope(['src/**']), env })).baseCommit).toBe(commit);
});

test('inspectTarget: BASE_NOT_FOUND and REPO_EMPTY', async () => {
  await expect(inspectTarget(path, { base: 'nosuch', scope: scope(['**']), env })).rejects.toMatchObject({
    code: 'BASE_NOT_FOUND',
  });
  await mkdir(join(room.root, 'empty'));
  git(join(room.root, 'empty'), 'init', '-q');
  await expect(inspectTarget(join(room.root, 'empty'), { scope: scope(['**']), env })).rejects.toMatchObject({
    code: 'REPO_EMPTY',
  });
});

test.each<[string, () => unknown]>([
  ['modified', () => writeFile(join(path, 'src/a.txt'), 'x\n')],
  [
    'staged',
    async () => {
      await writeFile(join(path, 'src/a.txt'), 'x\n');
      git(path, 'add', '-A');
    },
  ],
  ['deleted', () => rm(join(path, 'src/a.txt'))],
  ['renamed', () => git(path, 'mv', 'src/a.txt', 'src/b.txt')],
])('inspectTarget: REPO_DIRTY names a file in scope that is %s', async (_how, change) => {
  await change();
  const failure = await inspectTarget(path, { scope: scope(['src/**']), env }).catch((error: unknown) => error);
  expect(failure).toMatchObject({ code: 'REPO_DIRTY' });
  expect(String(failure)).toContain('src/a.txt');
});

test('inspectTarget: files out of scope may be dirty, and untracked ones in scope are listed', async () => {
  await writeFiles(path, { 'README.md': 'changed\n', 'src/new file.txt': 'x\n', 'other.txt': 'x\n' });
  expect(await inspectTarget(path, { scope: scope(['src/**']), env })).toEqual({
    baseCommit: commit,
    baseBranch: 'main',
    untracked: ['src/new file.txt'],
    scope: { useful: true, idle: [], twofold: [] },
  });
});

test('inspectTarget: a bare repository is never dirty', async () => {
  git(room.root, 'clone', '-q', '--bare', path, 'bare.git');
  const bare = join(room.root, 'bare.git');
  expect(await resolveTarget('bare.git', { cwd: room.root, env })).toMatchObject({ path: bare });
  expect((await inspectTarget(bare, { scope: scope(['src/**']), env })).baseCommit).toBe(commit);
});

test('inspectTarget: globs that match nothing are refused, unless another one matches or is a file to be made', async () => {
  const inspect = (allow: string[]) => inspectTarget(path, { scope: scope(allow), env });
  await expect(inspect(['lib/**', '*.py'])).rejects.toMatchObject({ code: 'SCOPE_MATCHES_NOTHING' });
  await expect(inspect(['*.py'])).rejects.toMatchObject({ code: 'SCOPE_MATCHES_NOTHING' });
  await expect(inspect(['*.txt'])).rejects.toThrow('"**/*.txt"');
  expect((await inspect(['src'])).scope.idle).toEqual([]);
  expect((await inspect(['src/'])).scope.idle).toEqual([]);
  expect((await inspect(['lib/**', 'src'])).scope.idle).toEqual([{ list: 'allow', index: 0, glob: 'lib/**' }]);
  expect((await inspect(['lib/**', 'src/**'])).baseCommit).toBe(commit);
  expect((await inspect(['src/made-by-the-run.txt'])).baseCommit).toBe(commit);
});

test('inspectTarget: a denied glob that matches nothing, and an allowed one that matches in two ways, are named', async () => {
  await writeFiles(path, { 'app/[ab]/x.txt': '1\n', 'app/a/x.txt': '2\n' });
  git(path, 'add', '-A');
  git(path, 'commit', '-q', '-m', 'routes');
  const given = { allow: ['app/[ab]/**', 'app/\\[ab\\]/**'], deny: ['src/**', 'lib/gone/**'] };
  const { scope: judged } = await inspectTarget(path, { scope: given, env });
  expect(judged.idle).toEqual([{ list: 'deny', index: 1, glob: 'lib/gone/**' }]);
  expect(judged.twofold).toEqual([{ list: 'allow', index: 0, glob: 'app/[ab]/**', write: 'app/\\[ab\\]/**' }]);
});
