import { execFileSync, spawnSync } from 'node:child_process';
import { readdirSync } from 'node:fs';
import { copyFile, mkdir, mkdtemp, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { parse } from 'yaml';
import { createGovernedChange, type GovernedChange } from '../cli/audit/governed-fixture.js';
import { pageBlocks } from '../support/page-blocks.js';

/*
 * The recipes of docs/audit.md, each line as it is printed, with the package as `npm pack` makes it.
 */

const root = fileURLToPath(new URL('../..', import.meta.url));
const page = await readFile(join(root, 'docs/audit.md'), 'utf8');

/** The one fenced block of a language in a section. */
const block = (section: string, language: string): string => pageBlocks(page, section, language)[0] ?? '';

interface Workflow {
  readonly jobs: {
    readonly governed: {
      readonly env: Readonly<Record<string, string>>;
      readonly steps: readonly { readonly uses?: string; readonly run?: string; readonly with?: object }[];
    };
  };
}

/** The proxy and the certificates by which this machine reaches a registry. */
const WAY_TO_REGISTRY = /^(?:https?_proxy|no_proxy|node_extra_ca_certs|ssl_cert_(?:file|dir))$/i;
/** What takes longer has no way to its registry, and would hold up all tests: timeout(1) ends it with all that it started. */
const LIMIT = process.platform === 'linux' ? ['timeout', '--signal=KILL', '180'] : [];

let folder: string;
let change: GovernedChange;
let env: Record<string, string>;
let tarball: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'promptos-ci-'));
  execFileSync('npm', ['pack', '--ignore-scripts', '--silent', '--pack-destination', folder], { cwd: root });
  tarball = join(folder, readdirSync(folder).find((name) => name.endsWith('.tgz')) ?? '');
  change = await createGovernedChange();
  const prefix = join(folder, 'prefix');
  env = {
    PATH: `${join(prefix, 'bin')}:${process.env.PATH}`,
    // The real one, with the cache and the settings of npm.
    HOME: process.env.HOME ?? folder,
    npm_config_prefix: prefix,
    npm_config_prefer_offline: 'true',
    npm_config_fetch_retries: '0',
    ...Object.fromEntries(Object.entries(process.env).filter(([name]) => WAY_TO_REGISTRY.test(name))),
    RUNNER_TEMP: join(folder, 'runner'),
    GIT_CONFIG_NOSYSTEM: '1',
    ...Object.fromEntries(['AUTHOR', 'COMMITTER'].map((who) => [`GIT_${who}_NAME`, 'Grace'])),
    ...Object.fromEntries(['AUTHOR', 'COMMITTER'].map((who) => [`GIT_${who}_EMAIL`, 'grace@example.org'])),
  };
  await mkdir(env.RUNNER_TEMP ?? '');
}, 240_000);
afterAll(async () => {
  await change?.remove();
  await rm(folder, { recursive: true, force: true });
});

/** As a runner does it: bash that ends at the first command that fails. */
function bash(script: string, cwd: string, more: Readonly<Record<string, string>> = {}) {
  const [program = '', ...args] = [...LIMIT, 'bash', '-eo', 'pipefail', '-c', script];
  const { status, stdout, stderr } = spawnSync(program, args, {
    cwd,
    env: { ...env, ...more },
    encoding: 'utf8',
  });
  return { script, status, stdout, stderr };
}

/** Where no registry answers, the packed files are put where npm would put them, with the packages of this checkout. */
async function installByHand(): Promise<void> {
  const prefix = join(folder, 'prefix');
  const place = join(prefix, 'lib/node_modules/promptos-temporal');
  await mkdir(place, { recursive: true });
  await mkdir(join(prefix, 'bin'), { recursive: true });
  execFileSync('tar', ['-xzf', tarball, '--strip-components=1', '-C', place]);
  await symlink(join(root, 'node_modules'), join(place, 'node_modules'));
  await symlink(join(place, 'bin/promptos'), join(prefix, 'bin/promptos'));
}

const unreachable = /ENOTFOUND|ECONNREFUSED|ECONNRESET|EAI_AGAIN|ETIMEDOUT|ENOTCACHED|E40[134]|_CERT_|_SIGNATURE/;

test('docs/audit.md: the recipes run as printed, from the packed package, on a checkout and on a bare clone', async () => {
  const { audited, base, runId } = change;
  const workflow = parse(block('### In continuous integration', 'yaml')) as Workflow;
  const { steps, env: jobEnv } = workflow.jobs.governed;
  expect(steps.map(({ uses }) => uses?.split('@')[0] ?? 'run')).toEqual([
    ...['actions/checkout', 'actions/setup-node'],
    ...['run', 'run', 'run', 'run', 'run'],
  ]);
  expect(Object.keys(jobEnv)).toEqual(['PROMPTOS', 'BASE', 'HEAD', 'BODY']);

  // The workflow installs first; the developer's commands use the same package.
  const [install, ...others] = steps.flatMap(({ run }) => (run === undefined ? [] : [run]));
  const installed = bash(install ?? '', folder, { PROMPTOS: tarball });
  if (installed.status === null || (installed.status !== 0 && unreachable.test(installed.stderr)))
    await installByHand();
  else expect(installed).toMatchObject({ status: 0 });

  const exported = bash(block('## A run in one file', 'sh'), audited.repo, {
    PROMPTOS_HOME: audited.env.PROMPTOS_HOME ?? '',
  });
  expect(exported).toMatchObject({ status: 0 });
  expect(block('## A run in one file', 'sh')).toContain(`RUN=${runId} `);
  await copyFile(join(audited.repo, '../pr-body.md'), join(folder, 'pr-body.md'));

  const given = {
    BASE: base,
    HEAD: audited.git('rev-parse', 'HEAD'),
    BODY: await readFile(join(folder, 'pr-body.md'), 'utf8'),
  };
  const checkout = join(folder, 'checkout');
  execFileSync('git', ['clone', '--quiet', audited.repo, checkout]);
  execFileSync('git', ['checkout', '--quiet', '--detach', given.HEAD], { cwd: checkout });
  for (const step of others) expect(bash(step, checkout, given)).toMatchObject({ status: 0 });

  const bare = block('### In continuous integration', 'sh');
  const ran = bash(bare, folder, { ...given, RUN: runId, REPOSITORY: audited.repo });
  expect(ran).toMatchObject({ status: 0 });
  expect(ran.stdout).toContain('\nVerified: ');
  expect(ran.stdout).toContain('none of them ungoverned');

  // The same workflow refuses a head with one commit more, and a description without the block.
  await writeFile(join(audited.repo, 'src/more.js'), 'more\n');
  const more = { ...given, HEAD: audited.commitAll('more') };
  execFileSync('git', ['fetch', '--quiet', 'origin'], { cwd: checkout });
  execFileSync('git', ['checkout', '--quiet', '--detach', more.HEAD], { cwd: checkout });
  expect(others.map((step) => bash(step, checkout, more).status)).toEqual([0, 0, 1, 1]);
  execFileSync('git', ['checkout', '--quiet', '--detach', given.HEAD], { cwd: checkout });
  expect(others.map((step) => bash(step, checkout, { ...given, BODY: 'none' }).status)).toEqual([0, 0, 1, 0]);
}, 600_000);
