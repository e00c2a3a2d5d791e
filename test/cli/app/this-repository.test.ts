import { execFileSync } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { namesOfRepository } from '../../../src/cli/app/this-repository.js';

async function clone(): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'promptos-names-'));
  onTestFinished(() => rm(folder, { recursive: true, force: true }));
  execFileSync('git', ['init', '-q', folder]);
  execFileSync('git', ['-C', folder, 'remote', 'add', 'origin', 'git@git.example.org:acme/shop.git']);
  return folder;
}

const names = (top: string, url: string, name = 'shop') =>
  namesOfRepository({ repositories: { [name]: { url } } }, { folder: top, env: process.env });

test('namesOfRepository: a config that names the URL of this clone’s remote gives its runs that name', async () => {
  const top = await clone();
  expect(await names(top, 'https://git.example.org/acme/shop.git')).toEqual(['shop']);
  expect(await names(top, 'https://git.example.org/acme/shop.git', 'till')).toEqual(['till']);
});

test('namesOfRepository: a URL of another repository does not lend its name to a new run', async () => {
  const top = await clone();
  const [first, ...others] = await names(top, 'https://git.example.org/other/shop.git');
  expect(first).toMatch(/^shop-[0-9a-f]{4}$/);
  expect(others).toEqual(['shop']);
});

test('namesOfRepository: a clone of the folder that the config names, and one of its remote, have its name', async () => {
  const original = await clone();
  const copy = join(await mkdtemp(join(tmpdir(), 'promptos-names-')), 'copy');
  execFileSync('git', ['clone', '-q', original, copy], { stdio: 'ignore' });
  onTestFinished(() => rm(join(copy, '..'), { recursive: true, force: true }));
  const config = { repositories: { till: { path: original } } };
  expect(await namesOfRepository(config, { folder: copy, env: process.env })).toEqual(['till']);
  execFileSync('git', ['-C', copy, 'remote', 'set-url', 'origin', `file://${original}/.git`]);
  expect(await namesOfRepository(config, { folder: copy, env: process.env })).toEqual(['till']);
  execFileSync('git', ['-C', copy, 'remote', 'set-url', 'origin', 'https://git.example.org/acme/shop']);
  expect(await namesOfRepository(config, { folder: copy, env: process.env })).toEqual(['till']);
  execFileSync('git', ['-C', copy, 'remote', 'set-url', 'origin', 'https://git.example.org/other/shop']);
  expect(await namesOfRepository(config, { folder: copy, env: process.env })).toEqual(['shop']);
});
