import { readFile } from 'node:fs/promises';
import { expect, test } from 'vitest';
import { parse } from 'yaml';
import { s3StoreSchema } from '../../src/contracts/config/store-config.js';
import { workerConfigSchema } from '../../src/contracts/config/worker-config.js';

const page = await readFile(new URL('../../docs/stores.md', import.meta.url), 'utf8');
const errors = await readFile(new URL('../../src/adapters/store/s3/s3-errors.ts', import.meta.url), 'utf8');

const blocks = (language: string): readonly string[] =>
  [...page.matchAll(new RegExp(`^\`\`\`${language}\\n([\\s\\S]*?)^\`\`\`$`, 'gm'))].map(([, text = '']) => text);
const section = (heading: string): string => page.split(`\n## ${heading}\n`)[1]?.split('\n## ')[0] ?? '';
const firstColumn = (text: string): readonly string[] =>
  [...text.matchAll(/^\| ([^|]+) \|/gm)].map(([, cell = '']) => cell.trim()).slice(1);

test('docs/stores.md: every store that it shows is one that a worker config takes', () => {
  const stores = blocks('yaml').map((text) => parse(text) as object);
  expect(stores.length).toBeGreaterThan(2);
  for (const store of stores) {
    const config = { schema_version: 1, trust: { policies: ['policy.yaml'] }, ...store };
    expect(workerConfigSchema.safeParse(config).error).toBeUndefined();
  }
});

test('docs/stores.md: every policy that it shows is JSON', () => {
  expect(blocks('json').map((text) => JSON.parse(text).Version)).toEqual(['2012-10-17', '2012-10-17']);
});

test('docs/stores.md: every field of a bucket is explained, and no other', () => {
  const fields = firstColumn(section('A bucket')).map((cell) => cell.replaceAll('`', ''));
  expect(['kind', ...fields].sort()).toEqual(Object.keys(s3StoreSchema.shape).sort());
});

test('docs/stores.md: every message that it explains is one that the store gives', () => {
  const messages = firstColumn(section('When the bucket cannot be used'));
  expect(messages.length).toBeGreaterThan(10);
  expect(messages.filter((message) => !errors.includes(message))).toEqual([]);
});
