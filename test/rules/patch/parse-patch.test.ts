import { chmod, mkdir, rename, rm, symlink, unlink, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { Patch } from '../../../src/contracts/record/patch.js';
import type { Checkout, Workspace } from '../../../src/ports/workspace.js';
import { type ParsedPatch, parsePatch } from '../../../src/rules/patch/parse-patch.js';
import { makeRepository, makeRoom, makeWorkspace } from '../../adapters/git-fixtures.js';

const LINES = Array.from({ length: 30 }, (_, line) => `line ${line}`).join('\n');
const BASE = {
  'a.txt': 'one\ntwo\nthree\n',
  'long name.txt': `${LINES}\n`,
  'dir/inner.txt': `${LINES}\ninner\n`,
  'run.sh': '#!/bin/sh\necho hi\n',
  'crlf.txt': 'a\r\nb\r\n',
  'open.txt': 'no newline',
  'ünï "quoted"\t.txt': 'name\n',
  'empty.txt': '',
  'bin.dat': 'a\0b\0c',
  'a b/a b': 'twice\n',
};

let room: Awaited<ReturnType<typeof makeRoom>>;
let workspace: Workspace;
let commit: string;
let checkout: Checkout;

beforeAll(async () => {
  room = await makeRoom();
  const repository = await makeRepository(join(room.root, 'repo'), BASE);
  commit = repository.commit;
  ({ workspace } = await makeWorkspace(room.root, { path: repository.path }));
  checkout = await workspace.checkout({ repository: 'shop', commit });
});
afterAll(() => room.remove());

const at = (path: string) => join(checkout.directory, path);
const put = async (path: string, content: string | Uint8Array) => {
  await mkdir(dirname(at(path)), { recursive: true });
  await rm(at(path), { force: true });
  await writeFile(at(path), content);
};

/** What git lists, and what the text shows: where it shows no content, it says neither modes nor whether it is binary. */
const listed = ({ files }: Patch, { files: shown }: ParsedPatch) =>
  files.map((file) =>
    shown.find(({ path }) => path === file.path)?.shown === 'none' ? { ...file, binary: false, ...modes(file) } : file,
  );
const modes = ({ status, old_mode, new_mode }: Patch['files'][number]) =>
  status === 'renamed' && old_mode === new_mode ? { old_mode: '100644', new_mode: '100644' } : { old_mode, new_mode };
const byPath = <T extends { readonly path: string }>(files: readonly T[]) =>
  [...files].sort((a, b) => (a.path < b.path ? -1 : 1));

async function expectAgreement(): Promise<Patch> {
  const patch = await checkout.diff();
  const parsed = parsePatch(patch.bytes);
  expect(parsed.problem).toBeNull();
  expect(byPath(parsed.files.map(({ shown: _, ...file }) => file))).toEqual(byPath(listed(patch, parsed)));
  const links = new Set(patch.files.flatMap(({ path, status }) => (status === 'renamed' ? [path] : [])));
  const lines = (added: Patch['added_lines']) => byPath(added.filter(({ path }) => !links.has(path)));
  expect(lines(parsed.added_lines)).toEqual(lines(patch.added_lines));
  if (patch.bytes.length > 0) {
    const seen = await workspace.readPatch('shop', commit, patch.bytes);
    expect({ files: seen.files, added: seen.added_lines }).toEqual({ files: patch.files, added: patch.added_lines });
  }
  return patch;
}

describe('parsePatch: what git writes', () => {
  test('every kind of change at once is read as git lists it', async () => {
    await checkout.reset();
    await put('a.txt', 'one\n+++ b/other.txt\n--- a/other.txt\nTWO\n@@ -1 +1 @@\nthree');
    await rename(at('long name.txt'), at('moved näme.txt'));
    await put('dir/new inner.txt', `${LINES}\nchanged\n`);
    await unlink(at('dir/inner.txt'));
    await chmod(at('run.sh'), 0o755);
    await put('crlf.txt', 'a\r\nb2\r\nc\r');
    await put('open.txt', 'still no newline');
    await put('ünï "quoted"\t.txt', 'name\nmore\n');
    await unlink(at('empty.txt'));
    await put('new/empty', '');
    await put('bin.dat', 'a\0b\0d');
    await put(
      'new.bin',
      Uint8Array.from({ length: 300 }, (_, index) => index % 256),
    );
    await put('bom.txt', '\ufeffbom\n');
    await put('latin.txt', Uint8Array.from([0x61, 0xe9, 10]));
    await unlink(at('a b/a b'));
    await symlink('../a.txt', at('a b/link'));
    const patch = await expectAgreement();
    expect(patch.files.length).toBeGreaterThan(13);
  });

  test('a file that becomes a link, and a link that becomes a file, are one change of type', async () => {
    await checkout.reset();
    await unlink(at('a.txt'));
    await symlink('open.txt', at('a.txt'));
    const patch = await expectAgreement();
    expect(patch.files).toMatchObject([{ status: 'type_changed', new_mode: '120000' }]);
  });

  test('an empty file that is gone, and another that is new and executable', async () => {
    await rm(at('empty.txt'));
    await put('new one.txt', '');
    await chmod(at('new one.txt'), 0o755);
    await put('a.txt', '');
    await expectAgreement();
  });

  test('any edits are read as git lists them', async () => {
    const name = fc.constantFrom(...Object.keys(BASE), 'new one.txt', 'dir/ü.txt', 'x"y.txt', 'b/c');
    const content = fc.oneof(
      fc.constant(''),
      fc
        .array(fc.constantFrom('one', '-- a/x', '+++ b/x', '@@ -1 +1 @@', 'é', '\r', ' ', '\\ No newline'))
        .map((lines) => lines.join('\n')),
      fc.uint8Array({ maxLength: 40 }).map((bytes) => Buffer.from(bytes).toString('latin1')),
      fc.constant(`${LINES}\nmore\n`),
    );
    const edit = fc.record({ name, content, remove: fc.boolean(), executable: fc.boolean() });
    await fc.assert(
      fc.asyncProperty(fc.array(edit, { minLength: 1, maxLength: 5 }), async (edits) => {
        await checkout.reset();
        for (const { name: path, content: text, remove, executable } of edits) {
          if (remove) await rm(at(path), { force: true });
          else {
            await put(path, text);
            if (executable) await chmod(at(path), 0o755);
          }
        }
        await expectAgreement();
      }),
      { numRuns: 15 },
    );
  });
});

const HEAD = 'diff --git a/x b/x\nindex 1111111..2222222 100644\n--- a/x\n+++ b/x\n';
describe('parsePatch: what git does not write', () => {
  test.each([
    ['text between files', `hello\n${HEAD}@@ -1 +1 @@\n-a\n+b\n`],
    ['a patch without a header of git', '--- a/x\n+++ b/x\n@@ -1 +1 @@\n-a\n+b\n'],
    ['lines of another file than the header', `${HEAD.replace('+++ b/x', '+++ b/.git/config')}@@ -1 +1 @@\n-a\n+b\n`],
    ['two names without a rename', `${HEAD.replace('b/x\n', 'b/y\n')}@@ -1 +1 @@\n-a\n+b\n`],
    ['an empty line for a context line', `${HEAD}@@ -1,2 +1,2 @@\n\n-a\n+b\n`],
    ['a hunk that is cut off', `${HEAD}@@ -1,2 +1,2 @@\n-a\n`],
    ['a header without hunks', HEAD],
    ['one file twice', `${HEAD}@@ -1 +1 @@\n-a\n+b\n`.repeat(2)],
    ['a field twice', HEAD.replace('index', 'index 1111111..2222222 100644\nindex')],
    ['no newline at the end', `${HEAD}@@ -1 +1 @@\n-a\n+b`],
    ['more lines than the hunk counts', `${HEAD}@@ -1 +1 @@\n-a\n+b\n+c\n`],
    ['binary content that is not closed', 'diff --git a/x b/x\nindex 1..2 100644\nGIT binary patch\nliteral 1\nIcmZ\n'],
  ])('%s is a problem', (_what, text) => {
    expect(parsePatch(Buffer.from(text)).problem).toMatch(/^line \d+: /);
  });
});
