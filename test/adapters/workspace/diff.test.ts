import { execFileSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { chmod, cp, mkdir, readFile, readlink, rename, rm, symlink, unlink, utimes, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { isLong, wholeOf } from '../../../src/contracts/long-bytes.js';
import { isLongPatch } from '../../../src/contracts/record/long-patch.js';
import type { Patch } from '../../../src/contracts/record/patch.js';
import type { Checkout, Workspace } from '../../../src/ports/workspace.js';
import { wholeChange } from '../../../src/rules/patch/added-lines.js';
import { git, makeRepository, makeRoom, makeWorkspace, text, writeFiles } from '../git-fixtures.js';

let room: Awaited<ReturnType<typeof makeRoom>>;
let workspace: Workspace;
let commit: string;
let checkout: Checkout;

const BASE = {
  'src/a.txt': 'one\ntwo\nthree\n',
  'src/long name.txt': `${Array.from({ length: 20 }, (_, line) => `line ${line}`).join('\n')}\n`,
  'dir/inner.txt': 'inner\n',
  'run.sh': '#!/bin/sh\necho hi\n',
  '.gitignore': 'build/\n*.log\n',
  'crlf.txt': 'a\r\nb\r\n',
};

beforeEach(async () => {
  room = await makeRoom();
  const repository = await makeRepository(join(room.root, 'my repo ü'), BASE);
  commit = repository.commit;
  ({ workspace } = await makeWorkspace(room.root, { path: repository.path }));
  checkout = await workspace.checkout({ repository: 'shop', commit });
});
afterEach(() => room.remove());

const at = (path: string) => join(checkout.directory, path);
const summary = ({ files }: Patch) => files.map(({ status, path, old_path }) => [status, path, old_path]);
const added = ({ added_lines }: Patch) =>
  added_lines.map(({ path, line, text: line_text }) => `${path}:${line}:${line_text}`);

/** Applies the patch to a fresh checkout, where nothing then differs from it, and gives that checkout. */
async function roundTrip(patch: Patch): Promise<Checkout> {
  expect(await workspace.checkPatch('shop', commit, patch.bytes)).toEqual({ ok: true });
  const applied = await workspace.checkout({ repository: 'shop', commit, patch: patch.bytes });
  expect(await applied.diff()).toEqual({ bytes: new Uint8Array(), files: [], added_lines: [] });
  return applied;
}

test('diff: an untouched checkout has an empty patch', async () => {
  expect(await checkout.diff()).toEqual({ bytes: new Uint8Array(), files: [], added_lines: [] });
});

test('diff: added, changed and deleted files, with their lines', async () => {
  await writeFile(at('src/a.txt'), 'one\nTWO\nthree\nfour\n');
  await writeFile(at('new.txt'), 'n\n');
  await unlink(at('run.sh'));
  const patch = await checkout.diff();
  expect(summary(patch)).toEqual([
    ['added', 'new.txt', null],
    ['deleted', 'run.sh', null],
    ['modified', 'src/a.txt', null],
  ]);
  expect(added(patch)).toEqual(['new.txt:1:n', 'src/a.txt:2:TWO', 'src/a.txt:4:four']);
  expect(patch.files[2]).toMatchObject({ added: 2, deleted: 1, binary: false, old_mode: '100644', new_mode: '100644' });
  const applied = await roundTrip(patch);
  expect(await readFile(join(applied.directory, 'src/a.txt'), 'utf8')).toBe('one\nTWO\nthree\nfour\n');
  expect(existsSync(join(applied.directory, 'run.sh'))).toBe(false);
});

test('diff: a rename has both of its sides', async () => {
  await rename(at('src/long name.txt'), at('moved.txt'));
  const patch = await checkout.diff();
  expect(summary(patch)).toEqual([['renamed', 'moved.txt', 'src/long name.txt']]);
  await roundTrip(patch);
});

test('diff: the executable bit is part of the change', async () => {
  await chmod(at('run.sh'), 0o755);
  const patch = await checkout.diff();
  expect(patch.files).toMatchObject([{ path: 'run.sh', status: 'modified', old_mode: '100644', new_mode: '100755' }]);
  await roundTrip(patch);
});

test('diff: a symbolic link and where it points; a file that becomes one is a change of type', async () => {
  await symlink('../src', at('dir/link'));
  await unlink(at('run.sh'));
  await symlink('/etc/passwd', at('run.sh'));
  const patch = await checkout.diff();
  expect(patch.files).toMatchObject([
    { path: 'dir/link', status: 'added', new_mode: '120000' },
    { path: 'run.sh', status: 'type_changed', old_mode: '100644', new_mode: '120000' },
  ]);
  expect(added(patch)).toEqual(['dir/link:1:../src', 'run.sh:1:/etc/passwd']);
  const applied = await roundTrip(patch);
  expect(await readlink(join(applied.directory, 'dir/link'))).toBe('../src');
});

test('diff: a link that is only moved still shows where it points', async () => {
  const repository = await makeRepository(join(room.root, 'links'), { 'a/b/x': 'x\n' });
  await symlink('../x', join(repository.path, 'a/b/link'));
  git(repository.path, 'add', '-A');
  git(repository.path, 'commit', '-q', '-m', 'link');
  const other = await makeWorkspace(join(room.root, 'other'), { path: repository.path });
  const moved = await other.workspace.checkout({
    repository: 'shop',
    commit: git(repository.path, 'rev-parse', 'HEAD'),
  });
  await rename(join(moved.directory, 'a/b/link'), join(moved.directory, 'link'));
  const patch = await moved.diff();
  expect(summary(patch)).toEqual([['renamed', 'link', 'a/b/link']]);
  expect(added(patch)).toEqual(['link:1:../x']);
});

test('diff: binary files travel whole and have no lines', async () => {
  const bytes = Buffer.from([0, 1, 2, 255, 254, 10, 0, 13, 10]);
  await writeFile(at('logo.bin'), bytes);
  const patch = await checkout.diff();
  expect(patch.files).toMatchObject([{ path: 'logo.bin', binary: true, added: 0, deleted: 0 }]);
  expect(patch.added_lines).toEqual([]);
  const applied = await roundTrip(patch);
  expect(await readFile(join(applied.directory, 'logo.bin'))).toEqual(bytes);
});

test('diff: names with spaces, quotes, tabs, newlines and other alphabets', async () => {
  const names = [
    'a b.txt',
    'quo"te.txt',
    'tab\there.txt',
    'new\nline.txt',
    'ümläut-日本.txt',
    'back\\slash.txt',
    ' lead',
    'b/ b',
  ];
  await writeFiles(checkout.directory, Object.fromEntries(names.map((name) => [name, `in ${names.indexOf(name)}\n`])));
  const patch = await checkout.diff();
  expect(new Set(patch.files.map(({ path }) => path))).toEqual(new Set(names));
  expect(new Map(patch.added_lines.map(({ path, text: line }) => [path, line]))).toEqual(
    new Map(names.map((name, index) => [name, `in ${index}`])),
  );
  await roundTrip(patch);
});

test.skipIf(process.platform === 'darwin')(
  'diff: a name that is not UTF-8 is listed with U+FFFD, which the rules refuse',
  async () => {
    await writeFile(
      Buffer.concat([Buffer.from(`${checkout.directory}/x`), Buffer.from([0xff]), Buffer.from('.txt')]),
      'x\n',
    );
    const patch = await checkout.diff();
    expect(patch.files.map(({ path }) => path)).toEqual(['x\ufffd.txt']);
    expect(added(patch)).toEqual(['x\ufffd.txt:1:x']);
  },
);

test('diff: content that looks like a patch is content', async () => {
  const trap = '+++ b/elsewhere\n--- a/x\n@@ -0,0 +1 @@\ndiff --git a/x b/x\n+evil\n\\ No newline at end of file\nlast';
  await writeFile(at('trap.txt'), trap);
  const patch = await checkout.diff();
  expect(new Set(patch.added_lines.map(({ path }) => path))).toEqual(new Set(['trap.txt']));
  expect(patch.added_lines.map(({ text: line }) => line).join('\n')).toBe(trap);
  await roundTrip(patch);
});

test('diff: a repository inside the checkout is listed as a submodule, with and without a commit in it', async () => {
  await mkdir(at('nested'));
  git(at('nested'), 'init', '-q');
  await mkdir(at('committed'));
  git(at('committed'), 'init', '-q');
  git(at('committed'), 'commit', '-q', '--allow-empty', '-m', 'x');
  await writeFile(at('nested/x'), 'x\n');
  const patch = await checkout.diff();
  expect(patch.files.map(({ path, new_mode }) => [path, new_mode]).sort()).toEqual([
    ['committed', '160000'],
    ['nested', '160000'],
  ]);
});

test('diff: a tracked folder that becomes a repository of its own still shows its changes', async () => {
  git(at('src'), 'init', '-q');
  await writeFile(at('src/a.txt'), 'changed\n');
  const patch = await checkout.diff();
  expect(patch.files.map(({ path }) => path)).toContain('src/a.txt');
});

test('diff: a file that becomes a folder, and a folder that becomes a file or a link', async () => {
  await unlink(at('run.sh'));
  await mkdir(at('run.sh'));
  await writeFile(at('run.sh/x'), 'x\n');
  await rm(at('dir'), { recursive: true });
  await writeFile(at('dir'), 'flat\n');
  await rm(at('src'), { recursive: true });
  await symlink('run.sh', at('src'));
  const patch = await checkout.diff();
  expect(new Set(patch.files.map(({ path }) => path))).toEqual(
    new Set(['run.sh', 'run.sh/x', 'dir', 'dir/inner.txt', 'src', 'src/a.txt', 'src/long name.txt']),
  );
  await roundTrip(patch);
});

test('diff: ignored files stay out, tracked files cannot be hidden by .gitignore', async () => {
  await writeFiles(checkout.directory, { 'build/out.js': 'x\n', 'debug.log': 'x\n' });
  await writeFile(at('.gitignore'), '*\n');
  await writeFile(at('src/a.txt'), 'changed\n');
  expect(summary(await checkout.diff())).toEqual([
    ['modified', '.gitignore', null],
    ['modified', 'src/a.txt', null],
  ]);
});

test('diff: bytes are exact, whatever .gitattributes ask for', async () => {
  expect(await readFile(at('crlf.txt'), 'utf8')).toBe('a\r\nb\r\n');
  await writeFile(at('.gitattributes'), '* text=auto eol=crlf filter=evil diff=evil ident\n*.txt binary\n');
  await writeFile(at('crlf.txt'), 'a\r\nc\r\n');
  await writeFile(at('id.txt'), '$Id$\r\n');
  const patch = await checkout.diff();
  expect(added(patch)).toEqual(expect.arrayContaining(['crlf.txt:2:c\r', 'id.txt:1:$Id$\r']));
  const applied = await roundTrip(patch);
  expect(await readFile(join(applied.directory, 'crlf.txt'), 'utf8')).toBe('a\r\nc\r\n');
});

test('diff: neither the git folder of the checkout nor what it configures has any influence', async () => {
  const trace = join(room.root, 'executed');
  const program = join(room.root, 'evil.sh');
  await writeFile(program, `#!/bin/sh\necho "$0 $*" >> '${trace}'\ncat\n`, { mode: 0o755 });
  for (const [key, value] of [
    ['core.fsmonitor', program],
    ['core.hooksPath', room.root],
    ['diff.external', program],
    ['filter.evil.clean', program],
    ['filter.evil.smudge', program],
    ['diff.evil.textconv', program],
    ['diff.noprefix', 'true'],
    ['core.fileMode', 'false'],
    ['core.worktree', '/'],
    ['core.excludesFile', program],
  ] as const) {
    execFileSync('git', ['config', '--file', at('.git/config'), key, value]);
  }
  await writeFile(at('.gitattributes'), '* filter=evil diff=evil\n');
  await writeFile(at('.git/info/exclude'), '*\n');
  await writeFile(at('.git/index'), 'garbage');
  await writeFile(at('src/a.txt'), 'one\ntwo\nTHREE\n');
  await chmod(at('run.sh'), 0o755);
  const patch = await checkout.diff();
  expect(summary(patch)).toEqual([
    ['added', '.gitattributes', null],
    ['modified', 'run.sh', null],
    ['modified', 'src/a.txt', null],
  ]);
  expect(text(patch.bytes)).toContain('+++ b/src/a.txt');
  expect(existsSync(trace)).toBe(false);
  await rm(at('.git'), { recursive: true });
  expect(await checkout.diff()).toEqual(patch);
});

test('diff: a submodule of the base has its recorded files, and nothing that its git folder configures is run', async () => {
  const library = await makeRepository(join(room.root, 'library'), { 'lib.txt': 'lib\n' });
  const outer = await makeRepository(join(room.root, 'outer'));
  git(outer.path, '-c', 'protocol.file.allow=always', 'submodule', '--quiet', 'add', library.path, 'lib');
  git(outer.path, 'commit', '-q', '-m', 'submodule');
  const other = await makeWorkspace(join(room.root, 'other'), { path: outer.path });
  const base = git(outer.path, 'rev-parse', 'HEAD');
  const mine = await other.workspace.checkout({ repository: 'shop', commit: base });
  expect(await readFile(join(mine.directory, 'lib/lib.txt'), 'utf8')).toBe('lib\n');
  expect((await mine.diff()).files).toEqual([]);
  const trace = join(room.root, 'executed');
  const program = join(room.root, 'evil.sh');
  await writeFile(program, `#!/bin/sh\necho x >> '${trace}'\n`, { mode: 0o755 });
  await rm(join(mine.directory, 'lib'), { recursive: true });
  git(mine.directory, '-c', 'protocol.file.allow=always', 'clone', '-q', library.path, 'lib');
  git(join(mine.directory, 'lib'), 'config', 'core.fsmonitor', program);
  git(join(mine.directory, 'lib'), 'config', 'filter.evil.clean', program);
  await writeFile(join(mine.directory, 'lib/.gitattributes'), '* filter=evil\n');
  await writeFile(join(mine.directory, 'lib/lib.txt'), 'changed\n');
  expect((await mine.diff()).files).toMatchObject([{ path: 'lib', status: 'modified', new_mode: '160000' }]);
  expect(existsSync(trace)).toBe(false);
  await rm(join(mine.directory, 'lib'), { recursive: true });
  expect((await mine.diff()).files).toMatchObject([{ path: 'lib', status: 'deleted', old_mode: '160000' }]);
});

test('diff: a change that keeps size and time is seen', async () => {
  const when = new Date('2020-01-01T00:00:00Z');
  await writeFile(at('src/a.txt'), 'ONE\ntwo\nthree\n');
  await utimes(at('src/a.txt'), when, when);
  expect(added(await checkout.diff())).toEqual(['src/a.txt:1:ONE']);
});

test('diff: pipes are removed instead of waited for, also where git reads its own files', async () => {
  await unlink(at('.gitignore'));
  execFileSync('mkfifo', [at('.gitignore'), at('src/.gitattributes'), at('pipe')]);
  await unlink(at('run.sh'));
  execFileSync('mkfifo', [at('run.sh')]);
  expect(summary(await checkout.diff())).toEqual([
    ['deleted', '.gitignore', null],
    ['deleted', 'run.sh', null],
  ]);
});

test.skipIf(process.platform === 'darwin')(
  'diff: names that are .git somewhere are listed although git takes them into no patch',
  async () => {
    await writeFiles(checkout.directory, { '.GIT/hooks/x': 'x\n', 'sub/git~1/config': 'x\n', 'ok.txt': 'ok\n' });
    const patch = await checkout.diff();
    expect(patch.files.map(({ path }) => path).sort()).toEqual(['.GIT/hooks/x', 'ok.txt', 'sub/git~1/config']);
    expect(text(patch.bytes)).not.toContain('hooks');
  },
);

test('diff: files and folders that were closed are read all the same', async () => {
  await writeFile(at('src/a.txt'), 'changed\n');
  await writeFiles(checkout.directory, { 'closed/new.txt': 'x\n', 'secret.txt': 'x\n' });
  for (const path of ['src/a.txt', 'secret.txt', 'closed', 'dir']) await chmod(at(path), 0o000);
  const patch = await checkout.diff();
  expect(patch.files.map(({ path }) => path)).toEqual(['closed/new.txt', 'secret.txt', 'src/a.txt']);
  await chmod(at('dir'), 0o000);
  await checkout.discard();
  expect(existsSync(checkout.directory)).toBe(false);
});

test.each<[string, () => Promise<unknown>]>([
  ['a link', () => symlink(room.root, checkout.directory)],
  ['another folder', () => cp(`${checkout.directory}.moved`, checkout.directory, { recursive: true })],
  ['a file', () => writeFile(checkout.directory, 'x')],
  ['nothing', async () => undefined],
])('checkout: a folder that was replaced by %s is neither read nor emptied', async (what, replace) => {
  await rename(checkout.directory, `${checkout.directory}.moved`);
  await replace();
  await expect(checkout.diff()).rejects.toMatchObject({ code: 'CHECKOUT_LOST' });
  await expect(checkout.reset()).rejects.toMatchObject({ code: 'CHECKOUT_LOST' });
  if (what === 'another folder') expect(existsSync(at('src/a.txt'))).toBe(true);
  await checkout.discard();
  expect(existsSync(join(room.root, 'state'))).toBe(true);
});

test('diff: with a patch under it, only what came after the patch counts', async () => {
  await writeFile(at('src/a.txt'), 'one\ntwo\nthree\nfour\n');
  await writeFile(at('new.txt'), 'new\n');
  const patch = await checkout.diff();
  const second = await workspace.checkout({ repository: 'shop', commit, patch: patch.bytes });
  expect(await readFile(join(second.directory, 'new.txt'), 'utf8')).toBe('new\n');
  await writeFile(join(second.directory, 'new.txt'), 'new\nnewer\n');
  expect(added(await second.diff())).toEqual(['new.txt:2:newer']);
  await second.reset();
  expect((await second.diff()).files).toEqual([]);
  expect(await readFile(join(second.directory, 'new.txt'), 'utf8')).toBe('new\n');
});

test('reset: throws away every change, ignored and untracked files and the git folder included', async () => {
  await writeFiles(checkout.directory, { 'build/out': 'x', 'new.txt': 'x', 'src/a.txt': 'x' });
  await writeFile(at('.git/hooks-were-here'), 'x');
  await writeFile(at('.git/config'), 'not a config [');
  await checkout.reset();
  expect(existsSync(at('build'))).toBe(false);
  expect(existsSync(at('new.txt'))).toBe(false);
  expect(existsSync(at('.git/hooks-were-here'))).toBe(false);
  expect(await readFile(at('src/a.txt'), 'utf8')).toBe(BASE['src/a.txt']);
  expect(git(checkout.directory, 'status', '--porcelain')).toBe('');
});

test('diff: a named file is in the patch although git ignores it, and its neighbours are not', async () => {
  await writeFiles(checkout.directory, { 'build/out.js': '1\n', 'build/other.js': '2\n', 'x.log': '3\n' });
  const named = await checkout.diff(['build/out.js', 'build', 'missing.log']);
  expect(summary(named)).toEqual([['added', 'build/out.js', null]]);
  await roundTrip(named);
});

test('diff, readPatch: a large change is out of memory for who can do with that, and is the same one', async () => {
  await writeFile(at('src/a.txt'), 'another line of a large file\n'.repeat(80_000));
  await writeFile(at('logo.bin'), Buffer.alloc(1_500_000, 'a\0secret\0'));
  await symlink('../crlf.txt', at('dir/link'));
  const whole = await checkout.diff();
  const long = await checkout.diff([], 'long');
  if (!isLongPatch(long)) throw new Error('expected a long patch');
  expect(isLong(long.bytes)).toBe(true);
  expect(long.bytes.byteLength).toBe(whole.bytes.byteLength);
  const { bytes } = long;
  const applies = await workspace.checkPatch('shop', commit, bytes);
  const applied = await workspace.checkout({ repository: 'shop', commit, patch: bytes });
  expect(applies).toEqual({ ok: true });
  expect(await applied.diff()).toEqual({ bytes: new Uint8Array(), files: [], added_lines: [] });
  const reverted = await workspace.revertPatch('shop', commit, bytes);
  expect(reverted.restored_tree).toBe(reverted.base_tree);
  const read = await workspace.readPatch('shop', commit, bytes, 'long');
  if (!isLongPatch(read)) throw new Error('expected a long patch');
  read.release();
  // What was given is the caller's.
  expect(Buffer.from(await wholeOf(bytes)).equals(whole.bytes)).toBe(true);
  expect(await wholeChange(long)).toEqual(whole);
  expect(await workspace.readPatch('shop', commit, whole.bytes)).toEqual(whole);
  await expect(wholeOf(bytes)).rejects.toThrow();
});
