import { readdir, readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { inspectTarget } from '../../../../src/adapters/workspace/repository/target.js';
import { git, makeRepository, makeRoom, makeWorkspace, PERSON, writeFiles } from '../../git-fixtures.js';

let room: Awaited<ReturnType<typeof makeRoom>>;
let origin: string;

const scope = { allow: ['src/**'], deny: [] };
const FILE = ['-c', 'protocol.file.allow=always'];
const env = { ...PERSON, GIT_CONFIG_COUNT: '1', GIT_CONFIG_KEY_0: 'protocol.file.allow', GIT_CONFIG_VALUE_0: 'always' };
const at = (name: string) => join(room.root, name);

beforeEach(async () => {
  room = await makeRoom();
  origin = at('origin');
  await makeRepository(origin, { 'src/a.txt': 'one\n', 'docs/deep/b.txt': 'two\n' });
  git(origin, 'config', 'uploadpack.allowFilter', 'true');
  git(origin, 'config', 'uploadpack.allowAnySHA1InWant', 'true');
});
afterEach(() => room.remove());

/** What a run of a clone starts from, checked out as a gate has it. */
async function startFrom(path: string) {
  const { baseCommit } = await inspectTarget(path, { scope, env });
  const { workspace } = await makeWorkspace(at('worker'), { path });
  return workspace.checkout({ repository: 'shop', commit: baseCommit });
}

test.each(['blob:none', 'tree:0'])(
  'inspectTarget: a partial clone with --filter=%s gets what the base commit needs',
  async (filter) => {
    const url = pathToFileURL(origin).href;
    git(room.root, ...FILE, 'clone', '-q', '--no-checkout', `--filter=${filter}`, url, 'partial');
    git(at('partial'), ...FILE, 'sparse-checkout', 'set', 'src');
    git(at('partial'), ...FILE, 'checkout', '-q', 'main');
    const checkout = await startFrom(at('partial'));
    expect(await readFile(join(checkout.directory, 'docs/deep/b.txt'), 'utf8')).toBe('two\n');
  },
);

test('inspectTarget: CLONE_INCOMPLETE for a partial clone whose remote is gone', async () => {
  git(room.root, ...FILE, 'clone', '-q', '--no-checkout', '--filter=blob:none', pathToFileURL(origin).href, 'partial');
  git(at('partial'), ...FILE, 'sparse-checkout', 'set', 'src');
  git(at('partial'), ...FILE, 'checkout', '-q', 'main');
  await rm(origin, { recursive: true });
  const refused = inspectTarget(at('partial'), { scope, env });
  await expect(refused).rejects.toMatchObject({ code: 'CLONE_INCOMPLETE' });
  await expect(refused).rejects.toThrow('lacks 1 object of commit');
});

test('inspectTarget: a sparse checkout is clean, and gates have the whole tree', async () => {
  git(room.root, 'clone', '-q', origin, 'sparse');
  git(at('sparse'), 'sparse-checkout', 'set', 'src');
  const checkout = await startFrom(at('sparse'));
  expect(await readFile(join(checkout.directory, 'docs/deep/b.txt'), 'utf8')).toBe('two\n');
});

test('inspectTarget: a run starts from a linked worktree', async () => {
  git(origin, 'worktree', 'add', '-q', at('linked'), '-b', 'work');
  await writeFiles(at('linked'), { 'src/a.txt': 'worked\n' });
  git(at('linked'), 'commit', '-q', '-a', '-m', 'work');
  const checkout = await startFrom(at('linked'));
  expect(await readFile(join(checkout.directory, 'src/a.txt'), 'utf8')).toBe('worked\n');
});

/** An outer repository with a submodule that has a submodule. */
async function makeNested(): Promise<string> {
  await makeRepository(at('inner'), { 'inner.txt': 'inner\n' });
  await makeRepository(at('library'), { 'lib.txt': 'lib\n' });
  git(at('library'), ...FILE, 'submodule', '--quiet', 'add', '../inner', 'inner');
  git(at('library'), 'commit', '-q', '-m', 'inner');
  git(origin, ...FILE, 'submodule', '--quiet', 'add', '--name', 'a name', '../library', 'vendor/lib');
  git(origin, 'commit', '-q', '-m', 'submodule');
  return origin;
}

test('inspectTarget: SUBMODULE_NOT_FOUND names the submodules whose recorded commits are not in the clone', async () => {
  git(await makeNested(), ...FILE, 'clone', '-q', origin, at('clone'));
  const refused = inspectTarget(at('clone'), { scope, env });
  await expect(refused).rejects.toMatchObject({ code: 'SUBMODULE_NOT_FOUND' });
  await expect(inspectTarget(at('clone'), { scope, env })).rejects.toThrow('vendor/lib at ');
  git(at('clone'), ...FILE, 'submodule', '--quiet', 'update', '--init');
  await expect(inspectTarget(at('clone'), { scope, env })).rejects.toThrow('vendor/lib/inner at ');
});

test('checkout: submodules have the files of their recorded commits, theirs too, wherever a person has them checked out', async () => {
  git(await makeNested(), ...FILE, 'submodule', '--quiet', 'update', '--init', '--recursive');
  await writeFiles(join(origin, 'vendor/lib'), { 'lib.txt': 'moved on\n' });
  git(join(origin, 'vendor/lib'), 'commit', '-q', '-a', '-m', 'moved on');
  const checkout = await startFrom(origin);
  const read = (path: string) => readFile(join(checkout.directory, path), 'utf8');
  expect(await read('vendor/lib/lib.txt')).toBe('lib\n');
  expect(await read('vendor/lib/inner/inner.txt')).toBe('inner\n');
  expect((await checkout.diff()).files).toEqual([]);
  await writeFiles(checkout.directory, { 'vendor/lib/inner/inner.txt': 'changed\n' });
  expect((await checkout.diff()).files).toMatchObject([{ path: 'vendor/lib/inner', new_mode: '160000' }]);
  await checkout.reset();
  expect(await read('vendor/lib/inner/inner.txt')).toBe('inner\n');
});

test.each(['files', 'nothing'])(
  'checkout: a patch that makes %s of a submodule leaves none of its files',
  async (what) => {
    git(await makeNested(), ...FILE, 'submodule', '--quiet', 'update', '--init', '--recursive');
    const commit = git(origin, 'rev-parse', 'HEAD');
    const { workspace } = await makeWorkspace(at('worker'), { path: origin });
    await workspace.checkout({ repository: 'shop', commit });
    git(origin, 'rm', '-q', '-f', 'vendor/lib');
    if (what === 'files') await writeFiles(origin, { 'vendor/lib/lib.txt': 'mine\n' });
    git(origin, 'add', '-A');
    const patch = Buffer.from(`${git(origin, 'diff', '--cached', '--binary', '--full-index')}\n`);
    const checkout = await workspace.checkout({ repository: 'shop', commit, patch });
    const files = await readdir(checkout.directory, { recursive: true });
    expect(files.filter((file) => /^vendor.*\.txt$/.test(file))).toEqual(
      what === 'files' ? ['vendor/lib/lib.txt'] : [],
    );
    expect((await checkout.diff()).files).toEqual([]);
  },
);
