import { spawnSync } from 'node:child_process';
import { readFile, rm, writeFile } from 'node:fs/promises';
import { delimiter, dirname, join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { fencedBlocks } from '../../src/contracts/answers/fenced-blocks.js';
import { prettyJson } from '../../src/contracts/json.js';
import { git, makeRepository, makeRoom, PERSON, writeFiles } from '../adapters/git-fixtures.js';
import { PROMPTOS } from '../support/built-package.js';
import { EXAMPLE_POLICY } from '../support/governed-repository.js';

const page = await readFile(new URL('../../docs/check.md', import.meta.url), 'utf8');
const JOB = {
  title: 'Split the bill',
  objective: 'Round half to even',
  deliverables: ['the change'],
  acceptance_criteria: [{ id: 'AC1', text: 'it rounds' }],
  scope: { allow: ['src/**'], deny: [] },
  exclusions: [],
};

test('docs/check.md: the shell blocks judge the working tree, install the hook, and judge a branch', async () => {
  const { root, remove } = await makeRoom();
  onTestFinished(remove);
  const { path: origin } = await makeRepository(join(root, 'origin'), {
    'src/a.txt': 'one\n',
    '.gitignore': '/job.json\n/policy.yaml\n/check.sarif\n',
    '.promptos/policy.yaml': `${EXAMPLE_POLICY}prompt_packs: ['${'0'.repeat(64)}']\n`,
  });
  const repo = join(root, 'repo');
  git(root, 'clone', '-q', origin, repo);
  for (const place of [root, repo]) await writeFile(join(place, 'job.json'), prettyJson(JOB));
  const PATH = [join(PROMPTOS, '..'), dirname(process.execPath), process.env.PATH].join(delimiter);
  const run = (script: string) =>
    spawnSync('bash', ['-ec', script], { cwd: repo, env: { ...PERSON, PATH, HOME: root }, encoding: 'utf8' });
  const [check = '', install = '', foreign = '', ci = '', ...more] = fencedBlocks(page)
    .filter(({ language }) => language === 'sh')
    .map(({ text }) => text);
  expect(more).toEqual([]);

  await writeFiles(repo, { 'docs/b.txt': 'x\n' });
  const refused = run(check);
  expect(refused, refused.stderr).toMatchObject({ status: 1 });
  expect(page).toContain(refused.stdout.split('\n')[0]);
  expect(run(install)).toMatchObject({ status: 0, stdout: expect.stringContaining('pre-commit: installed') });
  git(repo, 'add', '-A');
  const commit = run('git commit -qm change');
  expect(commit.status).toBe(1);
  for (const line of commit.stderr.trimEnd().split('\n')) expect(page).toContain(line);
  expect(run(foreign).status).toBe(1);
  git(repo, 'reset', '-q');
  expect(run(foreign).status).toBe(0);

  await rm(join(repo, 'docs'), { recursive: true });
  await writeFiles(repo, { 'src/a.txt': 'two\n' });
  expect(run('git commit -qam change')).toMatchObject({ status: 0 });
  expect(run(ci)).toMatchObject({ status: 0, stdout: expect.stringContaining('passed') });
  expect(JSON.parse(await readFile(join(repo, 'check.sarif'), 'utf8')).runs[0].results).toEqual([]);
});
