import {
  linkSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  realpathSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { checkoutPath, Refused } from '../../../src/boxed/model/files/checkout-path.js';
import { readText } from '../../../src/boxed/model/files/read-files.js';
import { applyFileBlocks, removeFile, writeText } from '../../../src/boxed/model/files/write-file.js';

let folder: string;
let root: string;
beforeEach(() => {
  folder = realpathSync(mkdtempSync(join(tmpdir(), 'promptos-paths-')));
  root = join(folder, 'checkout');
  mkdirSync(join(root, '.git'), { recursive: true });
  mkdirSync(join(root, 'src'));
  mkdirSync(join(folder, 'checkout-other'));
  writeFileSync(join(folder, 'outside.txt'), 'outside');
  writeFileSync(join(root, 'src/a.ts'), 'a');
  symlinkSync('..', join(root, 'up'));
  symlinkSync('../checkout-other', join(root, 'beside'));
  symlinkSync('.git', join(root, 'history'));
  symlinkSync('nowhere/at/all', join(root, 'dangling'));
  symlinkSync('../outside.txt', join(root, 'file-link'));
  symlinkSync('src', join(root, 'inner'));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

test.each([
  ['/etc/passwd', 'is an absolute path'],
  ['\\\\server\\share', 'is an absolute path'],
  ['C:/windows', 'is an absolute path'],
  ['~/key', 'is an absolute path'],
  ['../outside.txt', 'leads out of the checkout'],
  ['src/../../outside.txt', 'leads out of the checkout'],
  ['src/../src/a.ts', 'leads out of the checkout'],
  ['up/outside.txt', 'by a symbolic link'],
  ['up/new/file', 'by a symbolic link'],
  ['beside/new', 'by a symbolic link'],
  ['dangling/new', 'by a symbolic link'],
  ['.git/config', 'is in the folder of git'],
  ['src/.GIT/hooks/x', 'is in the folder of git'],
  ['.git. /config', 'is in the folder of git'],
  ['history/config', 'leads into the folder of git'],
  ['a\0b', 'is no path'],
])('checkoutPath: refuses %j', (path, problem) => {
  expect(() => checkoutPath(root, path)).toThrow(problem);
});

test('checkoutPath: what is inside has one name, whatever way it is written', () => {
  expect(checkoutPath(root, './src//a.ts')).toMatchObject({ name: 'src/a.ts', absolute: join(root, 'src/a.ts') });
  expect(checkoutPath(root, 'new/folder/b.ts')).toMatchObject({ stats: null });
  expect(checkoutPath(root, '.github/x.yml').name).toBe('.github/x.yml');
  expect(checkoutPath(root, '.').name).toBe('.');
  expect(readText(root, 'inner/a.ts').text).toBe('a');
});

test('files: a link is neither read nor written through, and can be removed', () => {
  expect(() => readText(root, 'file-link')).toThrow('is a symbolic link');
  expect(() => writeText(root, 'file-link', 'x')).toThrow('is no ordinary file');
  removeFile(root, 'file-link');
  expect(readFileSync(join(folder, 'outside.txt'), 'utf8')).toBe('outside');
});

test('files: a hard link to a file outside is replaced, not written through', () => {
  linkSync(join(folder, 'outside.txt'), join(root, 'hard'));
  writeText(root, 'hard', 'inside');
  expect(readFileSync(join(folder, 'outside.txt'), 'utf8')).toBe('outside');
  expect(readText(root, 'hard').text).toBe('inside');
});

test('files: a folder is not replaced, and a file is no folder', () => {
  expect(() => writeText(root, 'src', 'x')).toThrow('is no ordinary file');
  expect(() => writeText(root, 'src/a.ts/b', 'x')).toThrow('a part of its path is a file');
  expect(() => removeFile(root, 'src')).toThrow('only files are removed');
  expect(() => writeText(root, 'big', 'x'.repeat(5_000_000))).toThrow('expected 4194304 at most');
});

test('writeText: what the system refuses is an answer to the model, not an end of the try', () => {
  expect(() => writeText(root, 'n'.repeat(300), 'x')).toThrow(Refused);
  expect(() => writeText(root, 'n'.repeat(300), 'x')).toThrow('a part of its path is too long');
  expect(() => writeText(root, `${'n'.repeat(300)}/a`, 'x')).toThrow(Refused);
  expect(() => writeText(root, 'src/a.ts/b', 'x')).toThrow('a part of its path is a file');
});

test('applyFileBlocks: refuses a block that is not closed, and one that leads out', () => {
  expect(() => applyFileBlocks(root, '<file path="src/b.ts">\nb\n')).toThrow('is not closed');
  expect(() => applyFileBlocks(root, '<file path="../b.ts">\nb\n</file>\n')).toThrow('leads out');
});
