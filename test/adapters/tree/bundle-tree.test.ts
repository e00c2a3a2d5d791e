import { execFileSync } from 'node:child_process';
import { createHash, randomBytes } from 'node:crypto';
import { mkdir, mkdtemp, readFile, rm, symlink, truncate, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { bundleBytes } from '../../../src/adapters/tree/bundle-format.js';
import { openBundleTree } from '../../../src/adapters/tree/bundle-tree.js';

let root: string;
let file: string;
beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), 'promptos-bundle-'));
  file = join(root, 'run.tar');
});
afterEach(() => rm(root, { recursive: true, force: true }));

const LIMITS = { entries: 100, depth: 4 };
const LONG = `evidence/${'very-long-folder-name/'.repeat(14)}é.json`;
const sha256 = (bytes: Uint8Array) => createHash('sha256').update(bytes).digest('hex');

async function bundle(files: Readonly<Record<string, string | Uint8Array>>): Promise<Buffer> {
  const given = Object.entries(files).map(([path, content]) => {
    const bytes = Buffer.from(content);
    const open = async function* () {
      yield bytes;
    };
    return { path, bytes: bytes.byteLength, open };
  });
  const chunks: Uint8Array[] = [];
  for await (const chunk of bundleBytes(given)) chunks.push(chunk);
  return Buffer.concat(chunks);
}

test('bundleBytes: one tree has one bundle, whatever the order of its files, and tar reads it', async () => {
  const files = { 'run_record.json': '{}\n', 'evidence/a.json': 'x'.repeat(513), [LONG]: 'long', empty: '' };
  const bytes = await bundle(files);
  expect(await bundle(Object.fromEntries(Object.entries(files).reverse()))).toEqual(bytes);
  await writeFile(file, bytes);
  execFileSync('tar', ['-xf', file, '-C', root]);
  for (const [path, content] of Object.entries(files)) expect(await readFile(join(root, path), 'utf8')).toBe(content);
  expect(execFileSync('tar', ['-tvf', file], { env: { ...process.env, TZ: 'UTC' } }).toString()).toMatch(
    /^-rw-r--r-- 0\/0 +0 1970-01-01 00:00 empty$/m,
  );
});

test.each([0, 1, 511, 512, 65_536, 1_000_001])(
  'openBundleTree: digest, bytes and stream of a file of %i bytes agree',
  async (size) => {
    const bytes = randomBytes(size);
    await writeFile(file, await bundle({ a: 'before', [LONG]: bytes, z: 'behind' }));
    const tree = await openBundleTree(file);
    expect((await tree.list(LIMITS)).map(({ path, kind, bytes }) => [path, kind, bytes])).toEqual([
      ['a', 'file', 6],
      [LONG, 'file', size],
      ['z', 'file', 6],
    ]);
    expect(await tree.digest(LONG, size)).toEqual({ sha256: sha256(bytes), bytes: size });
    expect(sha256(await tree.read(LONG, size))).toBe(sha256(bytes));
    const chunks: Uint8Array[] = [];
    for await (const chunk of tree.openStream(LONG)) chunks.push(chunk);
    expect(sha256(Buffer.concat(chunks))).toBe(sha256(bytes));
    if (size > 10) expect((await tree.read(LONG, 10)).byteLength).toBe(11);
    await expect(tree.read('none', 10)).rejects.toMatchObject({ code: 'FILE_NOT_READABLE' });
  },
);

test('openBundleTree: lists one entry more than it may, and no further', async () => {
  const names = Array.from({ length: 8 }, (_, index) => `f${index}`);
  const bytes = await bundle(Object.fromEntries(names.map((name) => [name, ''])));
  await writeFile(file, bytes.subarray(0, 6 * 512));
  const tree = await openBundleTree(file);
  expect(await tree.list({ entries: 4, depth: 4 })).toHaveLength(5);
});

const first = async () => bundle({ a: 'one', b: 'two' });
const changed = async (at: number, text: string) => {
  const bytes = await first();
  bytes.write(text, at, 'latin1');
  return bytes;
};
/** The same archive with another header checksum, so that only what it says is at fault. */
function resealed(bytes: Buffer, at = 0): Buffer {
  bytes.write('        ', at + 148, 'latin1');
  const sum = bytes.subarray(at, at + 512).reduce((total, byte) => total + byte, 0);
  bytes.write(`${sum.toString(8).padStart(6, '0')}\0 `, at + 148, 'latin1');
  return bytes;
}

const MALFORMED: Readonly<Record<string, () => Promise<Buffer>>> = {
  'an empty file': async () => Buffer.alloc(0),
  'no file in it': async () => Buffer.alloc(1_024),
  'text in its place': async () => Buffer.from('#!/bin/sh\n'.repeat(200)),
  'gzip around it': async () => gzipSync(await first()),
  'its end cut off': async () => (await first()).subarray(0, -1_024),
  'a file cut off': async () => (await first()).subarray(0, 514),
  'half an end': async () => (await first()).subarray(0, -512),
  'more zeros after its end': async () => Buffer.concat([await first(), Buffer.alloc(512)]),
  'another archive after its end': async () => Buffer.concat([await first(), await first()]),
  'a block of zeros between files': async () =>
    Buffer.concat([(await first()).subarray(0, 1_024), Buffer.alloc(512), (await first()).subarray(1_024)]),
  'bytes behind a file': () => changed(512 + 3, 'hidden'),
  'another checksum': () => changed(148, '000000'),
  'another owner': async () => resealed(await changed(108, '0001750')),
  'another mode': async () => resealed(await changed(100, '0004755')),
  'another time': async () => resealed(await changed(136, '14717462000')),
  'a size in base 256': async () => resealed(await changed(124, '\x80\0\0\0\0\0\0\0\0\0\0\x03')),
  'a negative size': async () => resealed(await changed(124, '\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff')),
  'a size beyond its end': async () => resealed(await changed(124, '77777777777')),
  'a path twice': async () => Buffer.concat([(await bundle({ a: '1' })).subarray(0, 1_024), await bundle({ a: '2' })]),
  'paths out of order': async () =>
    Buffer.concat([(await bundle({ b: '1' })).subarray(0, 1_024), await bundle({ a: '2' })]),
  'a name after its NUL': async () => resealed(await changed(50, 'run_record.json')),
  'a name without text': async () => resealed(await changed(0, '\0')),
  'an extended header that says what the plain one can': async () => {
    const long = await bundle({ [LONG]: '' });
    const body = '12 path=abc\n';
    long.fill(0, 512, 1_024).write(body, 512);
    long.write(`${body.length.toString(8).padStart(11, '0')}`, 124);
    return resealed(long);
  },
};

test.each(Object.entries(MALFORMED))('openBundleTree: a bundle with %s is malformed', async (_, make) => {
  await writeFile(file, await make());
  const tree = await openBundleTree(file);
  await expect(tree.list(LIMITS)).rejects.toMatchObject({ code: 'BUNDLE_MALFORMED' });
});

test('openBundleTree: an extended header of more bytes than a path needs is not read', async () => {
  const long = await bundle({ [LONG]: '' });
  long.write('07777777777', 124);
  await writeFile(file, resealed(long));
  await expect((await openBundleTree(file)).list(LIMITS)).rejects.toThrow('an extended header of 1073741823 bytes');
});

test('openBundleTree: an entry of a tar that is no plain file is listed with its kind', async () => {
  const folder = join(root, 'tree');
  await mkdir(join(folder, 'd'), { recursive: true });
  await symlink('/etc/passwd', join(folder, 'e'));
  execFileSync('mkfifo', [join(folder, 'f')]);
  execFileSync('tar', ['--format=ustar', '-cf', file, '-b', '1', 'd', 'e', 'f'], { cwd: folder });
  await truncate(file, 5 * 512);
  expect((await (await openBundleTree(file)).list(LIMITS)).map(({ path, kind }) => `${kind} ${path}`)).toEqual([
    'empty_folder d',
    'link e',
    'special f',
  ]);
});

test('openBundleTree: a path of a bundle is no path of the file system', async () => {
  await writeFile(join(root, 'secret'), 'secret');
  await mkdir(dirname(join(root, 'x/run.tar')), { recursive: true });
  await writeFile(join(root, 'x/run.tar'), await bundle({ '../secret': 'other', '/etc/passwd': 'none' }));
  const tree = await openBundleTree(join(root, 'x/run.tar'));
  expect((await tree.list(LIMITS)).map(({ path }) => path)).toEqual(['../secret', '/etc/passwd']);
  expect(Buffer.from(await tree.read('../secret', 100)).toString()).toBe('other');
});

test('openBundleTree: a folder, a pipe and a missing file are not readable', async () => {
  execFileSync('mkfifo', [join(root, 'pipe')]);
  for (const path of [root, join(root, 'pipe'), join(root, 'none')]) {
    await expect(openBundleTree(path)).rejects.toMatchObject({ code: 'FILE_NOT_READABLE' });
  }
});
