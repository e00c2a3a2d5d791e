import { existsSync } from 'node:fs';
import { appendFile, chmod, mkdir, readFile, rename, rm, stat, symlink, utimes, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { GUARDED_PARTS, type RepositoryDigests, WORKED_PARTS } from '../../../../src/contracts/repository-parts.js';
import type { Workspace } from '../../../../src/ports/workspace.js';
import { git, makeRepository, makeRoom, makeWorkspace, writeFiles } from '../../git-fixtures.js';

let room: Awaited<ReturnType<typeof makeRoom>>;
let workspace: Workspace;
let path: string;

beforeEach(async () => {
  room = await makeRoom();
  path = join(room.root, 'a repo');
  await makeRepository(path, { 'src/a.txt': 'a\n', '.gitignore': 'ignored/\n.state/\n' });
  ({ workspace } = await makeWorkspace(room.root, { path }));
});
afterEach(() => room.remove());

const digests = async (): Promise<RepositoryDigests> => {
  const found = (await workspace.snapshot('shop')).digests;
  if (found === null) throw new Error('expected a local repository');
  return found;
};
const digest = async () => JSON.stringify(await digests());
/** The parts that differ from an earlier snapshot. */
const changedSince = async (before: RepositoryDigests): Promise<readonly string[]> => {
  const after = await digests();
  return [...GUARDED_PARTS, ...WORKED_PARTS].filter((part) => before[part] !== after[part]);
};
const at = (file: string) => join(path, file);

test('snapshot: the same repository gives the same digest', async () => {
  const before = await digests();
  expect(before.hooks).toMatch(/^sha256:[0-9a-f]{64}$/);
  expect(await digests()).toEqual(before);
});

/** An hour from now, so that no file was written just before. */
const later = () => vi.spyOn(Date, 'now').mockReturnValue(Date.now() + 3_600_000);

const CHANGES: readonly [string, () => Promise<unknown> | unknown][] = [
  ['a changed file', () => writeFile(at('src/a.txt'), 'b\n')],
  ['a new file', () => writeFile(at('new.txt'), 'x')],
  ['a removed file', () => rm(at('src/a.txt'))],
  ['a file that is made executable', () => chmod(at('src/a.txt'), 0o755)],
  ['a commit', () => git(path, 'commit', '-q', '--allow-empty', '-m', 'x')],
  ['a new branch', () => git(path, 'branch', 'other')],
  ['a new tag', () => git(path, 'tag', 'v1')],
  ['another HEAD', () => git(path, 'symbolic-ref', 'HEAD', 'refs/heads/other')],
  ['a HEAD that leaves its branch, on the same commit', () => git(path, 'checkout', '-q', '--detach')],
  ['where HEAD was', () => writeFile(at('.git/ORIG_HEAD'), `${git(path, 'rev-parse', 'HEAD')}\n`)],
  ['a merge that is under way', () => writeFile(at('.git/MERGE_HEAD'), `${git(path, 'rev-parse', 'HEAD')}\n`)],
  ['the configuration of a worktree', () => writeFile(at('.git/config.worktree'), '[core]\n\tbare = true\n')],
  ['a list of what is ignored', () => writeFiles(path, { '.git/info/exclude': 'ignored/\n' })],
  ['a graft', () => writeFiles(path, { '.git/info/grafts': `${git(path, 'rev-parse', 'HEAD')}\n` })],
  ['another source of objects', () => writeFiles(path, { '.git/objects/info/alternates': '/nonexistent\n' })],
  ['refs in a table', () => writeFiles(path, { '.git/reftable/tables.list': 'one.ref\n' })],
  ['a changed hook', () => writeFiles(path, { '.git/hooks/pre-commit.sample': '#!/bin/sh\nexit 1\n' })],
  ['a changed configuration', () => git(path, 'config', 'core.fsmonitor', 'evil')],
  ['a new hook', () => writeFiles(path, { '.git/hooks/post-checkout': '#!/bin/sh\n' })],
  ['an attribute of the git folder', () => writeFiles(path, { '.git/info/attributes': '* filter=evil\n' })],
  [
    'a file that was put into the index',
    async () => {
      await writeFile(at('src/a.txt'), 'b\n');
      const half = await digest();
      git(path, 'add', 'src/a.txt');
      expect(await digest()).not.toBe(half);
    },
  ],
];

test.each(CHANGES)('snapshot: %s changes the digest', async (_what, change) => {
  const before = await digest();
  await change();
  expect(await digest()).not.toBe(before);
});

test.each(CHANGES)('snapshot: %s changes the digest of a repository that was at rest', async (_what, change) => {
  const clock = later();
  try {
    const before = await digest();
    expect(await digest()).toBe(before);
    await change();
    expect(await digest()).not.toBe(before);
  } finally {
    clock.mockRestore();
  }
});

describe('snapshot: parts', () => {
  const upstream = () => {
    git(path, 'config', 'branch.main.remote', 'origin');
    git(path, 'config', 'branch.main.merge', 'refs/heads/main');
    git(path, 'config', 'branch.main.vscode-merge-base', 'origin/main');
  };

  test.each<[string, () => Promise<unknown> | unknown, readonly string[]]>([
    ['a hook', () => writeFiles(path, { '.git/hooks/post-checkout': '#!/bin/sh\n' }), ['hooks']],
    ['a program in the configuration', () => git(path, 'config', 'core.fsmonitor', 'evil'), ['configuration']],
    ['where hooks are found', () => git(path, 'config', 'core.hooksPath', 'evil'), ['configuration']],
    ['a remote', () => git(path, 'remote', 'add', 'evil', 'ext::sh'), ['configuration']],
    ['a branch that follows a URL', () => git(path, 'config', 'branch.main.remote', 'ext::sh'), ['configuration']],
    ['attributes', () => writeFiles(path, { '.git/info/attributes': '* filter=evil\n' }), ['attributes']],
    ['alternates', () => writeFiles(path, { '.git/objects/info/alternates': '/evil\n' }), ['object_sources']],
    ['grafts', () => writeFiles(path, { '.git/info/grafts': '' }), ['object_sources']],
    ['replaced objects', () => git(path, 'update-ref', 'refs/replace/0', 'HEAD'), ['object_sources']],
    ["the project's own refs", () => git(path, 'update-ref', 'refs/promptos/x', 'HEAD'), ['promptos_refs']],
    ['an edited file', () => writeFile(at('src/a.txt'), 'b\n'), ['working_tree']],
    ['a new branch', () => git(path, 'branch', 'other'), ['refs']],
    ['a branch that follows another', upstream, []],
    ['another branch', () => git(path, 'checkout', '-q', '-b', 'other'), ['head', 'refs']],
  ])('%s', async (_what, change, parts) => {
    const before = await digests();
    await change();
    expect(await changedSince(before)).toEqual(parts);
  });

  test('a commit of an edited file', async () => {
    await writeFile(at('src/a.txt'), 'b\n');
    const before = await digests();
    git(path, 'commit', '-q', '-a', '-m', 'x');
    expect(await changedSince(before)).toEqual(['refs', 'working_tree']);
  });
});

test('snapshot: a file that is dirty already and changes again is seen', async () => {
  await writeFile(at('src/a.txt'), 'bb\n');
  const before = await digest();
  const { atime, mtime } = await stat(at('src/a.txt'));
  await writeFile(at('src/a.txt'), 'cc\n');
  await utimes(at('src/a.txt'), atime, new Date(mtime.getTime() + 5_000));
  expect(await digest()).not.toBe(before);
});

test('snapshot: line endings alone are a change, in a repository that normalises them too', async () => {
  // Two texts of one size and one normal form: git itself calls neither a change.
  await writeFiles(path, { '.gitattributes': '* text=auto\n', 'src/a.txt': 'a\r\nb\n' });
  git(path, 'add', '-A');
  git(path, 'commit', '-q', '-m', 'normal form');
  const before = await digest();
  await writeFile(at('src/a.txt'), 'a\nb\r\n');
  expect(git(path, 'status', '--porcelain')).toBe('');
  expect(await digest()).not.toBe(before);
});

test('snapshot: ignored files, packed refs and a refreshed index change nothing', async () => {
  const before = await digest();
  await writeFiles(path, { 'ignored/x': 'x' });
  git(path, 'pack-refs', '--all');
  git(path, 'status');
  expect(await digest()).toBe(before);
});

test('snapshot: the state folder inside the repository changes nothing, ignored or not', async () => {
  const inside = await makeWorkspace(path, { path });
  const first = await inside.workspace.snapshot('shop');
  await writeFiles(inside.stateDir, { 'artifacts/x': 'x' });
  expect(await inside.workspace.snapshot('shop')).toEqual(first);
});

test('snapshot: nothing that the repository configures is run, and its index is not written', async () => {
  const trace = join(room.root, 'executed');
  const program = join(room.root, 'evil.sh');
  await writeFile(program, `#!/bin/sh\necho x >> '${trace}'\ncat\n`, { mode: 0o755 });
  git(path, 'config', 'core.fsmonitor', program);
  git(path, 'config', 'filter.evil.clean', program);
  await writeFile(at('.gitattributes'), '* filter=evil\n');
  const later = new Date(Date.now() + 10_000);
  await utimes(at('src/a.txt'), later, later);
  const index = await readFile(at('.git/index'));
  await digest();
  expect(existsSync(trace)).toBe(false);
  expect(await readFile(at('.git/index'))).toEqual(index);
});

test('snapshot: a repository that can no longer be opened has changed, and is no failure', async () => {
  const before = await digest();
  await appendFile(at('.git/config'), '[broken');
  expect(await digest()).not.toBe(before);
  await rename(at('.git'), at('.git-away'));
  expect(await digest()).not.toBe(before);
});

test('snapshot: a bare repository, a linked worktree and SHA-256 ids are seen to change', async () => {
  const other = join(room.root, 'sha256');
  await makeRepository(other, undefined, 'sha256');
  git(room.root, 'clone', '-q', '--bare', other, 'bare.git');
  git(path, 'worktree', 'add', '-q', '-b', 'linked', join(room.root, 'linked'));
  for (const source of [other, join(room.root, 'bare.git'), join(room.root, 'linked')]) {
    const next = await makeWorkspace(room.root, { path: source });
    const before = await next.workspace.snapshot('shop');
    expect(await next.workspace.snapshot('shop')).toEqual(before);
    git(source, 'branch', 'added');
    expect(await next.workspace.snapshot('shop')).not.toEqual(before);
  }
});

test('snapshot: the configuration of a linked worktree alone is seen to change', async () => {
  const linked = join(room.root, 'linked');
  git(path, 'worktree', 'add', '-q', '-b', 'linked', linked);
  const other = await makeWorkspace(room.root, { path: linked });
  const before = await other.workspace.snapshot('shop');
  await writeFiles(path, { '.git/worktrees/linked/config.worktree': '[core]\n\thooksPath = /evil\n' });
  expect(await other.workspace.snapshot('shop')).not.toEqual(before);
});

test('snapshot: an empty repository has a digest, a clone URL has none', async () => {
  await mkdir(join(room.root, 'empty'));
  git(join(room.root, 'empty'), 'init', '-q');
  const empty = await makeWorkspace(room.root, { path: join(room.root, 'empty') });
  expect((await empty.workspace.snapshot('shop')).digests?.head).toMatch(/^sha256:[0-9a-f]{64}$/);
  const remote = await makeWorkspace(room.root, { url: `file://${path}` });
  expect(await remote.workspace.snapshot('shop')).toEqual({ digests: null });
});

test('snapshot: what a link in the git folder leads to is seen to change', async () => {
  const shared = join(room.root, 'shared');
  await writeFiles(shared, { 'hooks/pre-commit': '#!/bin/sh\n', config: await readFile(at('.git/config'), 'utf8') });
  for (const name of ['hooks', 'config']) {
    await rm(at(`.git/${name}`), { recursive: true });
    await symlink(join(shared, name), at(`.git/${name}`));
  }
  const clock = later();
  try {
    const before = await digests();
    await writeFiles(shared, { 'hooks/pre-commit': '#!/bin/sh\nexit 1\n' });
    expect(await changedSince(before)).toEqual(['hooks']);
    await appendFile(join(shared, 'config'), '[core]\n\tfsmonitor = ./spy\n');
    expect(await changedSince(before)).toEqual(['configuration', 'hooks']);
  } finally {
    clock.mockRestore();
  }
});
