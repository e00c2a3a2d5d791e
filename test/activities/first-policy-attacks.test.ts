import { mkdir, mkdtemp, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { execa } from 'execa';
import { expect, onTestFinished, test } from 'vitest';
import { initCommand } from '../../src/cli/start/start-commands.js';
import type { GateId } from '../../src/contracts/names.js';
import { invoke } from '../cli/recorded-context.js';
import { exampleOutputs } from '../support/gate-outputs.js';
import { createGovernedRepository } from '../support/governed-repository.js';
import { exampleRequest } from '../support/run-request.js';
import { outputs, type ScriptStep } from '../support/scripted-executor.js';

type Files = Readonly<Record<string, string>>;

/** What a hostile writer does to a checkout: a text is written, null deletes, `from →` moves. */
interface Attack {
  readonly writes?: Files;
  readonly deletes?: readonly string[];
  readonly moves?: Readonly<Record<string, string>>;
}

/** The policy that `promptos init` writes for a repository with these files. Keys are not what is tested here. */
async function policyOfInit(files: Files): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'promptos-first-policy-'));
  onTestFinished(() => rm(folder, { recursive: true, force: true }));
  const cwd = join(folder, 'example');
  await put(cwd, files);
  await execa('git', ['init', '-q', '-b', 'main'], { cwd });
  const env = { ...process.env, PROMPTOS_KEYS_DIR: join(folder, 'keys') };
  const args = ['--developer', 'ada', '--not-alone', '--integrator', 'grace', '--no-passphrase'];
  await invoke((context) => initCommand(context), args, { cwd, env });
  const text = await readFile(join(cwd, '.promptos', 'policy.yaml'), 'utf8');
  return text
    .replace('decisions: { authentication: required }', 'decisions: { authentication: optional }')
    .replace('attestations: required', 'attestations: optional')
    .replace(/^prompt_packs:[\s\S]*$/m, '');
}

async function put(top: string, files: Files): Promise<void> {
  for (const [path, text] of Object.entries(files)) {
    await mkdir(dirname(join(top, path)), { recursive: true });
    await writeFile(join(top, path), text);
  }
}

const does =
  ({ writes = {}, deletes = [], moves = {} }: Attack, next: ScriptStep): ScriptStep =>
  async (call) => {
    for (const path of deletes) await rm(join(call.directory, path));
    for (const [from, to] of Object.entries(moves)) {
      await mkdir(dirname(join(call.directory, to)), { recursive: true });
      await rename(join(call.directory, from), join(call.directory, to));
    }
    await put(call.directory, writes);
    return next(call);
  };

const request = exampleRequest({ scope: { allow: ['**'], deny: [] } });
const good = exampleOutputs(request);
const PRINCIPALS = { P03: 'writer-agent', P05: 'writer-agent', P06: 'verifier-agent' } as const;

/** P05 and P06 under the policy of `init`; with `planned` files, P03 comes first. */
async function govern(files: Files, attack: Attack, planned: readonly string[] | null = null) {
  const given = await createGovernedRepository({ request, files, policy: await policyOfInit(files) });
  onTestFinished(() => given.remove());
  const inputs: Partial<Record<GateId, string>> = {};
  const run = async (gate: keyof typeof PRINCIPALS, step: ScriptStep) => {
    const principal = PRINCIPALS[gate];
    given.executors.script(principal, step);
    const result = await given.executeGate(given.input(gate, { principal, inputs: { ...inputs } }));
    inputs[gate] = result.output_sha256;
    return { ...result, record: await given.record(result) };
  };
  if (planned !== null) {
    const components = [{ name: 'all', responsibility: 'Does it.', files: [...planned] }];
    await run('P03', outputs({ ...good.P03, components }));
  }
  const built = await run('P05', does(attack, outputs(good.P05)));
  const verified = await run('P06', outputs(good.P06));
  const results = JSON.parse(await given.text(verified.record, 'evidence/test_results.json'));
  return { built, verified, check: results.checks[0] };
}

const NODE: Files = {
  'package.json': JSON.stringify({ name: 'x', version: '1.0.0', scripts: { test: 'node --test' } }),
  'src/add.js': 'exports.add = (a, b) => a + b;\n',
  'test/add.test.js': `const { test } = require('node:test');
const { add } = require('../src/add.js');
test('adds', () => { if (add(1, 2) !== 3) throw new Error('wrong'); });
test('adds zero', () => { if (add(1, 0) !== 1) throw new Error('wrong'); });
`,
};
const WRONG = 'exports.add = () => 0;\n';
const NEW_TEST = "require('node:test').test('more', () => {});\n";

const PYTHON: Files = {
  'pyproject.toml': '[project]\nname = "x"\nversion = "1"\n',
  'shop/__init__.py': '',
  'shop/add.py': 'def add(a, b):\n    return a + b\n',
  'tests/test_add.py': `import sys
sys.path.insert(0, '.')
from shop.add import add
def test_adds(): assert add(1, 2) == 3
def test_adds_zero(): assert add(1, 0) == 1
`,
};
const EXIT = 'import os\nos._exit(0)\n';
const PYTEST = await execa('python3', ['-m', 'pytest', '--version'], { reject: false }).then((r) => r.exitCode === 0);

type Row = readonly [what: string, files: Files, attack: Attack, path: string];

const unplanned: readonly Row[] = [
  ['tests are emptied', NODE, { writes: { 'src/add.js': WRONG, 'test/add.test.js': '' } }, 'test/add.test.js'],
  ['tests are deleted', NODE, { writes: { 'src/add.js': WRONG }, deletes: ['test/add.test.js'] }, 'test/add.test.js'],
  ['a test is moved away', NODE, { moves: { 'test/add.test.js': 'docs/add.txt' } }, 'test/add.test.js'],
  [
    'the test script is changed',
    NODE,
    { writes: { 'src/add.js': WRONG, 'package.json': '{"scripts":{"test":"true"}}' } },
    'package.json',
  ],
  [
    'pytest: tests are emptied',
    PYTHON,
    { writes: { 'shop/add.py': 'add = None\n', 'tests/test_add.py': '' } },
    'tests/test_add.py',
  ],
  [
    'pytest: its configuration is changed',
    PYTHON,
    { writes: { 'pyproject.toml': `${PYTHON['pyproject.toml']}[tool.pytest.ini_options]\naddopts = "--co"\n` } },
    'pyproject.toml',
  ],
];

const needs = (files: Files, skip: (condition: boolean, note: string) => void): void =>
  skip(files === PYTHON && !PYTEST, 'pytest is not installed');

test.for(unplanned)(
  'policy of init: not approved and escalated, when %s',
  async ([, files, attack, path], { skip }) => {
    needs(files, skip);
    const { built, verified } = await govern(files, attack);
    for (const { verdict, record } of [built, verified]) {
      expect(verdict).not.toBe('pass');
      expect(record.findings).toContainEqual(
        expect.objectContaining({ rule: 'protected_tests', severity: 'high', blocking: true, path }),
      );
    }
    expect(built.record.escalation).not.toBeNull();
  },
);

test.for(unplanned.slice(0, 5))(
  'policy of init: with the plan there is a high finding to acknowledge, and lost tests still fail, when %s',
  async ([, files, attack, path], { skip }) => {
    needs(files, skip);
    const all = [path, ...Object.keys(attack.writes ?? {}), ...Object.values(attack.moves ?? {})];
    const { built, verified, check } = await govern(files, attack, [...new Set(all)]);
    expect(built.record.findings).toContainEqual(
      expect.objectContaining({ rule: 'protected_tests', severity: 'high', blocking: false, path }),
    );
    expect(check.status).toBe('failed');
    expect(verified.verdict).not.toBe('pass');
  },
);

test.for<Row>([
  ['the program ends early', NODE, { writes: { 'src/add.js': 'process.exit(0);\n' } }, 'no executed test'],
  [
    'pytest: the program ends early',
    PYTHON,
    { writes: { 'shop/add.py': EXIT } },
    'report "promptos-test-report.xml" cannot be counted: it is missing',
  ],
])('policy of init: the check fails although its exit code is 0, when %s', async ([, files, attack, why], { skip }) => {
  needs(files, skip);
  const { verified, check } = await govern(files, attack);
  expect(check).toMatchObject({ status: 'failed', exit_code: 0, reason: expect.stringContaining(why) });
  expect(verified.verdict).not.toBe('pass');
});

test.for<Row>([
  ['a configuration of the runner', NODE, { writes: { '.npmrc': 'ignore-scripts=true\n' } }, '.npmrc'],
  ['a hook of pytest', PYTHON, { writes: { 'conftest.py': EXIT } }, 'conftest.py'],
  ['a module in place of pytest', PYTHON, { writes: { 'pytest.py': EXIT } }, 'pytest.py'],
])('policy of init: %s cannot be added, planned or not', async ([, files, attack, path], { skip }) => {
  needs(files, skip);
  const { built } = await govern(files, attack, [path]);
  expect(built.verdict).not.toBe('pass');
  expect(built.record.findings).toContainEqual(expect.objectContaining({ rule: 'scope', blocking: true, path }));
});

test.for<Row>([
  ['a new test', NODE, { writes: { 'test/more.test.js': NEW_TEST } }, ''],
  ['pytest: a new test', PYTHON, { writes: { 'tests/test_more.py': 'def test_more(): pass\n' } }, ''],
])('policy of init: %s passes without a finding', async ([, files, attack], { skip }) => {
  needs(files, skip);
  const { built, verified, check } = await govern(files, attack);
  expect(built).toMatchObject({ verdict: 'pass', record: { findings: [] } });
  expect(check).toMatchObject({ status: 'passed', tests: { executed: 3 }, baseline: { tests: { executed: 2 } } });
  expect(verified.verdict).toBe('pass');
});

test.for<Row>([
  [
    'package.json',
    NODE,
    { writes: { 'package.json': NODE['package.json']?.replace('"1.0.0"', '"1.0.0","engines":{"node":">=20"}') ?? '' } },
    'package.json',
  ],
  [
    'pyproject.toml',
    PYTHON,
    { writes: { 'pyproject.toml': `${PYTHON['pyproject.toml']}dependencies = ["attrs"]\n` } },
    'pyproject.toml',
  ],
])('policy of init: a planned change of %s passes with a finding to acknowledge', async (row, { skip }) => {
  const [, files, attack, path] = row;
  needs(files, skip);
  const { built, verified, check } = await govern(files, attack, [path]);
  const finding = { rule: 'protected_tests', severity: 'high', blocking: false, path };
  expect(built).toMatchObject({ verdict: 'pass', record: { findings: [finding], escalation: null } });
  expect(check.status).toBe('passed');
  expect(verified.verdict).toBe('pass');
});
