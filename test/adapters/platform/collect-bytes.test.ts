import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { collectContent, collectHead, collectHeadAndTail } from '../../../src/adapters/platform/collect-bytes.js';
import { isLong, SHORT_BYTES, wholeOf } from '../../../src/contracts/long-bytes.js';
import { firstLine } from '../../support/first-line.js';

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'promptos-collect-'));
});
afterAll(() => rm(folder, { recursive: true }));

const text = (bytes: Uint8Array) => Buffer.from(bytes).toString();

test('collectHead: keeps the first bytes, whatever the pieces', () => {
  const collector = collectHead(10_000);
  for (let i = 0; i < 5_000; i++) collector.add(Buffer.from('abc'));
  expect(collector.bytes().length).toBe(10_000);
  expect(text(collector.bytes())).toBe('abc'.repeat(4_000).slice(0, 10_000));
});

test.each([1, 3, 7, 50, 1_000])('collectHeadAndTail: keeps both ends of a long output, pieces of %i', (size) => {
  const all = Array.from({ length: 200 }, (_, i) => String(i).padStart(4, '0')).join('');
  const collector = collectHeadAndTail(40);
  for (let at = 0; at < all.length; at += size) collector.add(Buffer.from(all.slice(at, at + size)));
  expect(text(collector.bytes())).toBe(`${all.slice(0, 10)}\n[760 bytes left out]\n${all.slice(-30)}`);
});

test('collectHeadAndTail: leaves a short output alone', () => {
  const collector = collectHeadAndTail(40);
  collector.add(Buffer.from('0123456789'.repeat(4)));
  expect(text(collector.bytes())).toBe('0123456789'.repeat(4));
});

test('collectContent: a short output is in memory', () => {
  const collector = collectContent(10_000, folder);
  collector.add(Buffer.from('short'));
  const content = collector.bytes();
  expect(isLong(content)).toBe(false);
  expect(text(content as Uint8Array)).toBe('short');
});

test('collectContent: a long output is in a file that no program can open, and is read as often as it is needed', async () => {
  const collector = collectContent(3 * SHORT_BYTES, folder);
  const line = Buffer.from('one line of a long output\n'.repeat(100));
  const all = Buffer.concat(Array.from({ length: 2_000 }, () => line));
  for (let done = 0; done < all.length; done += line.length) collector.add(line);
  const content = collector.bytes();
  if (!isLong(content)) throw new Error('expected a long output');
  expect(await readdir(folder)).toEqual([]);
  expect(content.byteLength).toBe(3 * SHORT_BYTES);
  for (let time = 0; time < 2; time += 1) {
    expect(Buffer.from(await wholeOf(content)).equals(all.subarray(0, 3 * SHORT_BYTES))).toBe(true);
  }
  content.release();
  content.release();
  await expect(wholeOf(content)).rejects.toThrow();
});

test('collectContent: a process that is killed leaves no file', async () => {
  const module = new URL('../../../dist/adapters/platform/collect-bytes.js', import.meta.url).href;
  const program = `
    const { collectContent } = await import(${JSON.stringify(module)});
    const collector = collectContent(Number.POSITIVE_INFINITY, ${JSON.stringify(folder)});
    collector.add(Buffer.alloc(${3 * SHORT_BYTES}));
    console.log(collector.bytes().byteLength);
    setInterval(() => undefined, 1_000);`;
  const child = spawn(process.execPath, ['--input-type=module', '-e', program], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const exit = once(child, 'exit');
  expect(await firstLine(child)).toBe(String(3 * SHORT_BYTES));
  child.kill('SIGKILL');
  await exit;
  expect(await readdir(folder)).toEqual([]);
});

test('collectContent: a long output that is dropped is released', async () => {
  const collector = collectContent(3 * SHORT_BYTES, folder);
  collector.add(Buffer.alloc(2 * SHORT_BYTES));
  collector.drop();
  await expect(wholeOf(collector.bytes())).rejects.toThrow();
});

test('collectContent: says that a file cannot be made', () => {
  const collector = collectContent(3 * SHORT_BYTES, join(folder, 'missing'));
  expect(() => collector.add(Buffer.alloc(2 * SHORT_BYTES))).toThrow('ENOENT');
});
