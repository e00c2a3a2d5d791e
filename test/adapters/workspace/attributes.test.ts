import { readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import type { Patch } from '../../../src/contracts/record/patch.js';
import type { Checkout, Workspace } from '../../../src/ports/workspace.js';
import type { JudgedPatch } from '../../../src/rules/patch/patch-rule.js';
import { PATCH_RULES } from '../../../src/rules/patch-rules.js';
import { git, makeRepository, makeRoom, makeWorkspace, text, writeFiles } from '../git-fixtures.js';

let room: Awaited<ReturnType<typeof makeRoom>>;
let repository: string;
let workspace: Workspace;
let commit: string;
let checkout: Checkout;

const POINTER = `version https://git-lfs.github.com/spec/v1\noid sha256:${'a'.repeat(64)}\nsize 12\n`;

beforeEach(async () => {
  room = await makeRoom();
  repository = join(room.root, 'repository');
  ({ commit } = await makeRepository(repository, {
    '.gitattributes':
      '*.bat text eol=crlf\n*.txt text\n*.auto text=auto\n*.id ident\n*.utf16 text working-tree-encoding=UTF-16LE\n*.bin filter=lfs -text\n*.secret filter=git-crypt\n',
    'run.bat': '@echo off\r\necho hi\r\n',
    'old.auto': 'a\nb\n',
    'version.id': '$Id$\none\n',
    'asset.bin': POINTER,
    'plain.js': 'one\n',
  }));
  ({ workspace } = await makeWorkspace(room.root, { path: repository }));
  checkout = await workspace.checkout({ repository: 'shop', commit });
});
afterEach(() => room.remove());

const write = (files: Readonly<Record<string, string | Buffer>>) => writeFiles(checkout.directory, files);
const reasons = ({ unclean = [] }: Patch) => unclean.map(({ path, reason }) => `${path}: ${reason}`);

/** Commits the patch in a person's clone and says what git then takes for changed. */
async function statusAfterCommit(patch: Patch): Promise<string> {
  const clone = join(room.root, 'clone');
  git(room.root, 'clone', '-q', repository, clone);
  await writeFile(join(room.root, 'change.patch'), patch.bytes);
  git(clone, 'apply', '--cached', join(room.root, 'change.patch'));
  git(clone, 'commit', '-q', '-m', 'applied');
  await rm(join(clone, '.git', 'index'));
  git(clone, 'reset', '-q', '--hard');
  return git(clone, 'status', '--porcelain');
}

test('diff: what attributes convert is in the patch as git commits it, so that a normal checkout is clean', async () => {
  await write({
    'run.bat': '@echo off\r\necho hello\r\n',
    'new.bat': 'rem\r\n',
    'notes.txt': 'a\r\nb\r\n',
    'new.auto': 'a\r\n',
    'version.id': '$Id: 0123456789 $\ntwo\n',
    'wide.utf16': Buffer.from('wide\n', 'utf16le'),
  });
  const patch = await checkout.diff();
  expect(patch.unclean).toBeUndefined();
  expect(text(patch.bytes)).not.toContain('\r');
  expect(text(patch.bytes)).toContain('+$Id$'.replace('+', ' '));
  expect(text(patch.bytes)).toContain('+wide');
  expect(patch.added_lines).toContainEqual({ path: 'run.bat', line: 2, text: 'echo hello' });
  expect(await statusAfterCommit(patch)).toBe('');
});

test('diff: a file whose change is its line endings alone is not in the patch', async () => {
  await write({ 'run.bat': '@echo off\r\necho hi\r\n', 'plain.js': 'two\n' });
  expect((await checkout.diff()).files.map(({ path }) => path)).toEqual(['plain.js']);
});

test('diff: attributes that the change itself brings count', async () => {
  await write({ 'sub/.gitattributes': '*.cmd text eol=crlf\n', 'sub/go.cmd': 'go\r\n', 'other.cmd': 'go\r\n' });
  const patch = await checkout.diff();
  expect(patch.added_lines.filter(({ path }) => path.endsWith('.cmd'))).toEqual([
    { path: 'other.cmd', line: 1, text: 'go\r' },
    { path: 'sub/go.cmd', line: 1, text: 'go' },
  ]);
});

test('diff: raw bytes at a filtered path are unclean; a pointer of LFS is what is committed there', async () => {
  await write({ 'asset.bin': 'raw bytes\n', 'new.bin': POINTER.replace('a', 'b'), 'k.secret': 'plain\n' });
  const patch = await checkout.diff();
  expect(reasons(patch)).toEqual([
    expect.stringMatching(/^asset\.bin: the attribute filter=lfs/),
    expect.stringMatching(/^k\.secret: the attribute filter=git-crypt/),
  ]);
});

test('diff: bytes that are not of the encoding that the attributes give are unclean', async () => {
  await write({ 'odd.utf16': Buffer.from([0xff]) });
  expect(reasons(await checkout.diff())).toEqual([expect.stringContaining('odd.utf16')]);
});

test('readPatch: a patch with bytes that git would not commit is found, whatever its source', async () => {
  const raw = `diff --git a/new.bat b/new.bat
new file mode 100644
--- /dev/null
+++ b/new.bat
@@ -0,0 +1 @@
+rem\r
`;
  const patch = await workspace.readPatch('shop', commit, Buffer.from(raw));
  expect(reasons(patch)).toEqual(['new.bat: with its attributes git commits other bytes']);
  expect(PATCH_RULES.attributes.judge({ patch } as JudgedPatch)).toMatchObject([
    { severity: 'high', blocking: true, path: 'new.bat' },
  ]);
});

test('diff: a repository without attributes has the bytes as they were written', async () => {
  const plain = join(room.root, 'plain');
  const made = await makeRepository(plain, { 'a.bat': 'a\r\n' });
  const other = (await makeWorkspace(join(room.root, 'other'), { path: plain })).workspace;
  const own = await other.checkout({ repository: 'shop', commit: made.commit });
  await writeFile(join(own.directory, 'a.bat'), 'b\r\n');
  expect((await own.diff()).added_lines).toEqual([{ path: 'a.bat', line: 1, text: 'b\r' }]);
  expect(await readFile(join(own.directory, 'a.bat'), 'utf8')).toBe('b\r\n');
});
