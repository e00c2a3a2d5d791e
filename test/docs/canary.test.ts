import { spawnSync } from 'node:child_process';
import { readFile } from 'node:fs/promises';
import { delimiter, dirname, join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { CANARIES } from '../../src/canary/canaries.js';
import { fencedBlocks } from '../../src/contracts/answers/fenced-blocks.js';
import { git, makeRepository, makeRoom, PERSON } from '../adapters/git-fixtures.js';
import { PROMPTOS } from '../support/built-package.js';
import { EXAMPLE_POLICY } from '../support/governed-repository.js';

const page = await readFile(new URL('../../docs/canary.md', import.meta.url), 'utf8');
const blocks = fencedBlocks(page);

test('docs/canary.md: the shell blocks print what the page shows, and judge under the policy of a branch', async () => {
  const { root, remove } = await makeRoom();
  onTestFinished(remove);
  const PATH = [join(PROMPTOS, '..'), dirname(process.execPath), process.env.PATH].join(delimiter);
  const run = (cwd: string, script = '') =>
    spawnSync('bash', ['-ec', script], { cwd, env: { ...PERSON, PATH, HOME: root }, encoding: 'utf8' });
  const [one, ci, ...more] = blocks.filter(({ language }) => language === 'sh').map(({ text }) => text);
  expect(more).toEqual([]);

  const printed = blocks.find(({ language }) => language === 'text')?.text ?? '';
  const shown = run(root, one);
  expect(shown, shown.stderr).toMatchObject({ status: 0 });
  expect(shown.stdout.trimEnd()).toBe(printed.trimEnd());

  const { path: origin } = await makeRepository(join(root, 'origin'), {
    '.promptos/policy.yaml': `${EXAMPLE_POLICY}prompt_packs: ['${'0'.repeat(64)}']\n`,
  });
  const repo = join(root, 'repo');
  git(root, 'clone', '-q', origin, repo);
  const judged = run(repo, ci);
  expect(judged, judged.stderr).toMatchObject({ status: 0 });
  const said = JSON.parse(await readFile(join(repo, 'canary.json'), 'utf8'));
  expect(said).toMatchObject({ passed: true, policy: { path: join(repo, 'policy.yaml') } });
  expect(said.canaries).toHaveLength(CANARIES.length);
});

test('docs/canary.md: the table has every class and every rule of the canaries', () => {
  for (const { class: kind, rule } of CANARIES) {
    expect(page).toContain(`\`${kind}\``);
    if (rule !== null) expect(page).toContain(`\`${rule}\``);
  }
  const secrets = CANARIES.filter((canary) => canary.class === 'secret').length;
  expect(page).toContain(`${secrets} kinds of credentials`);
});
