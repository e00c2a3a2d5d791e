import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { execa } from 'execa';
import { expect, onTestFinished, test } from 'vitest';
import { warnUnpushed } from '../../../src/cli/start/serve-runs.js';

test('warnUnpushed: a base commit that workers cannot fetch by URL, until it is pushed', async () => {
  const root = await mkdtemp(join(tmpdir(), 'promptos-unpushed-'));
  onTestFinished(() => rm(root, { recursive: true, force: true }));
  const [shop, remote] = [join(root, 'shop'), join(root, 'remote.git')];
  const git = async (...args: string[]) =>
    (await execa('git', ['-C', shop, '-c', 'user.name=A', '-c', 'user.email=a@example.org', ...args])).stdout;
  await execa('git', ['init', '--quiet', '--bare', remote]);
  await execa('git', ['init', '--quiet', '--initial-branch=work', shop]);
  await writeFile(join(shop, 'a.txt'), 'a\n');
  await git('add', '--all');
  await git('commit', '--quiet', '--message', 'base');
  await git('remote', 'add', 'origin', remote);
  const start = { baseCommit: await git('rev-parse', 'HEAD'), targetRepo: 'shop' };
  const warned = async (entry: { readonly url: string } | { readonly path: string }) => {
    const notes: string[] = [];
    const project = { files: { repository: shop }, environment: { variables: process.env } };
    await warnUnpushed({ project, setting: { config: { repositories: { shop: entry } } }, start }, (line) =>
      notes.push(line),
    );
    return notes;
  };
  expect(await warned({ path: shop })).toEqual([]);
  expect(await warned({ url: remote })).toEqual([
    `warning: the base commit ${start.baseCommit.slice(0, 12)} is on no remote branch: workers fetch shop by URL and cannot get it; push it: git push origin work`,
  ]);
  await git('push', '--quiet', 'origin', 'work');
  expect(await warned({ url: remote })).toEqual([]);
});
