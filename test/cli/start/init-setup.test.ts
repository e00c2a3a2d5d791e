import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterAll, beforeAll, expect, test, vi } from 'vitest';
import { initCommand } from '../../../src/cli/start/start-commands.js';
import { readPolicyInForce } from '../../../src/config/policy-file.js';
import { findSetup } from '../../../src/config/project-setup.js';
import { readWorkerConfig } from '../../../src/config/worker-config-file.js';
import { pathWithBubblewrap } from '../../support/stand-in-bubblewrap.js';
import { invoke } from '../recorded-context.js';

let root: string;
beforeAll(async () => {
  root = mkdtempSync(join(tmpdir(), 'promptos-init-setup-'));
  vi.stubEnv('PATH', await pathWithBubblewrap('works', mkdtempSync(join(root, 'path-'))));
});
afterAll(() => {
  vi.unstubAllEnvs();
  rmSync(root, { recursive: true, force: true });
});

/** People's keys stay out of the home folder of the user who runs the tests. */
const init = (top: string) =>
  invoke((context) => initCommand(context), ['--alone'], {
    cwd: top,
    env: { ...process.env, PROMPTOS_KEYS_DIR: join(root, 'keys') },
  });

function project(files: Readonly<Record<string, string>>): string {
  const top = mkdtempSync(join(root, 'project-'));
  for (const [path, text] of Object.entries(files)) {
    mkdirSync(dirname(join(top, path)), { recursive: true });
    writeFileSync(join(top, path), text);
  }
  return top;
}

const PACKAGE = JSON.stringify({ scripts: { test: 'x' }, devDependencies: { a: '1' } });
const REGISTRY = ['registry.npmjs.org'];
const PYTHON = ['pypi.org', 'files.pythonhosted.org'];

test.each<[string, Record<string, string>, object]>([
  [
    'npm',
    { 'package.json': PACKAGE, 'package-lock.json': '{}', '.npmrc': 'fund=false\n' },
    {
      name: 'npm',
      argv: ['npm', 'ci', '--no-audit', '--no-fund'],
      key_files: ['**/package.json', '.npmrc', 'package-lock.json'],
      hosts: REGISTRY,
    },
  ],
  [
    'npm with a registry of its own',
    { 'package.json': PACKAGE, '.npmrc': '@acme:registry=https://NPM.acme.example/x/\n' },
    {
      name: 'npm',
      argv: ['npm', 'install', '--no-package-lock', '--no-audit', '--no-fund'],
      hosts: ['npm.acme.example'],
    },
  ],
  [
    'pnpm',
    { 'package.json': PACKAGE, 'pnpm-lock.yaml': '' },
    { name: 'pnpm', argv: ['pnpm', 'install', '--frozen-lockfile'], key_files: ['**/package.json', 'pnpm-lock.yaml'] },
  ],
  [
    'yarn 1',
    { 'package.json': PACKAGE, 'yarn.lock': '' },
    { name: 'yarn', argv: ['yarn', 'install', '--frozen-lockfile'], hosts: ['registry.yarnpkg.com', ...REGISTRY] },
  ],
  [
    'yarn 4',
    { 'package.json': PACKAGE, 'yarn.lock': '', '.yarnrc.yml': '' },
    { name: 'yarn', argv: ['yarn', 'install', '--immutable'] },
  ],
  [
    'uv',
    { 'uv.lock': '', 'pyproject.toml': '', 'src/a/__init__.py': '' },
    { name: 'uv', hosts: PYTHON, env: { PYTHONPATH: '{checkout}/src' } },
  ],
  ['poetry', { 'poetry.lock': '' }, { name: 'poetry', hosts: PYTHON, env: { POETRY_VIRTUALENVS_IN_PROJECT: 'true' } }],
  [
    'poetry with a source of its own',
    {
      'poetry.lock': '',
      'pyproject.toml': '[[tool.poetry.source]]\nname = "a"\nurl = "https://Pypi.acme.example/simple"\n',
    },
    { name: 'poetry', hosts: [...PYTHON, 'pypi.acme.example'] },
  ],
  [
    'uv with an index of its own',
    { 'uv.lock': '', 'pyproject.toml': "[[tool.uv.index]]\nurl = 'https://me:x@uv.acme.example/simple'\n" },
    { name: 'uv', hosts: [...PYTHON, 'uv.acme.example'] },
  ],
  [
    'pip with an index of its own',
    { 'requirements.txt': '--extra-index-url https://pip.acme.example/simple\n-i https://pypi.org/simple\nidna\n' },
    { name: 'pip', hosts: [...PYTHON, 'pip.acme.example'] },
  ],
  [
    'pip',
    { 'requirements.txt': '', 'requirements-dev.txt': '' },
    {
      name: 'pip',
      argv: [
        'sh',
        '-c',
        'python3 -m venv --system-site-packages .venv && .venv/bin/python -m pip install -r requirements.txt -r requirements-dev.txt',
      ],
      key_files: ['requirements.txt', 'requirements-dev.txt'],
    },
  ],
  [
    'go',
    { 'go.mod': '', 'go.sum': '' },
    {
      name: 'go',
      argv: ['go', 'mod', 'download'],
      env: { GOMODCACHE: '{checkout}/.setup/go', GOFLAGS: '-modcacherw' },
    },
  ],
  ['cargo', { 'Cargo.toml': '', 'Cargo.lock': '' }, { name: 'cargo', env: { CARGO_HOME: '{checkout}/.setup/cargo' } }],
  ['maven', { 'pom.xml': '' }, { name: 'maven', hosts: ['repo.maven.apache.org'] }],
  [
    'gradle',
    { 'settings.gradle.kts': '', gradlew: '' },
    { name: 'gradle', env: { GRADLE_USER_HOME: '{checkout}/.setup/gradle' } },
  ],
])('init: the set-up of a project with %s', async (_, files, expected) => {
  const top = project(files);
  expect(await findSetup(top)).toMatchObject([expected]);
  execFileSync('git', ['init', '-q', '-b', 'main'], { cwd: top });
  const { stdout } = await init(top);
  const { policy } = await readPolicyInForce(join(top, '.promptos', 'policy.yaml'));
  const { name, argv, hosts = [], env = {} } = (await findSetup(top))[0] ?? {};
  expect(stdout).toContain(`Set-up ${name}: ${argv?.join(' ')}`);
  expect(policy.setup).toMatchObject({ [String(name)]: { argv, network: { hosts }, env, timeout: 1_200_000 } });
  const { setup } = await readWorkerConfig(join(top, '.promptos', 'worker.yaml'));
  expect(setup).toMatchObject({ allow: [name], network: { hosts } });
});

test.each<[string, Record<string, string>]>([
  ['a package without dependencies', { 'package.json': '{"scripts":{"test":"x"}}' }],
  ['a Go module without dependencies', { 'go.mod': 'module x\n' }],
  ['a Go module that is vendored', { 'go.mod': '', 'go.sum': '', 'vendor/modules.txt': '' }],
  ['no package manager', { Makefile: 'test:\n\ttrue\n' }],
])('init: nothing is set up for %s', async (_, files) => {
  const top = project(files);
  expect(await findSetup(top)).toEqual([]);
  execFileSync('git', ['init', '-q', '-b', 'main'], { cwd: top });
  await init(top);
  expect((await readPolicyInForce(join(top, '.promptos', 'policy.yaml'))).policy.setup).toEqual({});
  expect((await readWorkerConfig(join(top, '.promptos', 'worker.yaml'))).setup).toMatchObject({
    allow: [],
    network: 'none',
  });
});
