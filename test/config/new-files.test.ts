import { chmod, readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { writeNewFiles } from '../../src/config/files.js';
import { refusalOf, temporaryFolder } from './documents.js';

test('writeNewFiles: makes folders and files, and leaves nothing else behind', async () => {
  const folder = await temporaryFolder();
  const files = [
    { path: join(folder, 'a', 'one'), text: '1' },
    { path: join(folder, 'a', 'two'), text: '2' },
  ];
  await writeNewFiles(files, false);
  expect((await readdir(join(folder, 'a'))).sort()).toEqual(['one', 'two']);
});

test('writeNewFiles: FILE_EXISTS and nothing written, when one of them is there', async () => {
  const folder = await temporaryFolder();
  const files = ['one', 'two'].map((name) => ({ path: join(folder, name), text: 'new' }));
  await writeFile(join(folder, 'two'), 'old');
  const error = await refusalOf(writeNewFiles(files, false));
  expect(error).toMatchObject({ code: 'FILE_EXISTS' });
  expect(error.message).toContain(join(folder, 'two'));
  expect(await readdir(folder)).toEqual(['two']);
  await writeNewFiles(files, true);
  expect(await readFile(join(folder, 'two'), 'utf8')).toBe('new');
});

test('writeNewFiles: of several at once one wins, and none is overwritten', async () => {
  const folder = await temporaryFolder();
  const attempts = Array.from({ length: 8 }, (_, index) =>
    writeNewFiles([{ path: join(folder, 'one'), text: String(index) }], false).then(
      () => String(index),
      (error: { code?: string }) => error.code,
    ),
  );
  const results = await Promise.all(attempts);
  const winners = results.filter((result) => result !== 'FILE_EXISTS');
  expect(winners).toEqual([await readFile(join(folder, 'one'), 'utf8')]);
  expect(await readdir(folder)).toEqual(['one']);
});

test('writeNewFiles: FILE_NOT_READABLE, when a file is where a folder is needed', async () => {
  const folder = await temporaryFolder();
  await writeFile(join(folder, 'a'), '');
  const error = await refusalOf(writeNewFiles([{ path: join(folder, 'a', 'b'), text: '' }], false));
  expect(error).toMatchObject({ code: 'FILE_NOT_READABLE' });
});

test.skipIf(process.getuid?.() === 0)('writeNewFiles: FILE_NOT_READABLE, without permission', async () => {
  const folder = await temporaryFolder();
  await chmod(folder, 0o500);
  onTestFinished(() => chmod(folder, 0o700));
  const error = await refusalOf(writeNewFiles([{ path: join(folder, 'b'), text: '' }], false));
  expect(error).toMatchObject({ code: 'FILE_NOT_READABLE' });
});
