import { execFileSync } from 'node:child_process';
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  realpathSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { ApplicationFailure } from '@temporalio/common';
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from 'vitest';
import { createCheckCaches } from '../../../src/adapters/checks/check-caches.js';
import { createCheckRunner } from '../../../src/adapters/checks/check-runner.js';
import { createSetupRunner } from '../../../src/adapters/checks/setup-runner.js';
import { createLauncher, type Launcher } from '../../../src/adapters/platform/launcher.js';
import { openSandbox } from '../../../src/adapters/sandbox/open-sandbox.js';
import { replaceFiles } from '../../../src/adapters/workspace/tree/copy-files.js';
import { DEFAULT_SANDBOX } from '../../../src/contracts/config/sandbox-config.js';
import type { GateId } from '../../../src/contracts/names.js';
import type { NetworkAccess } from '../../../src/contracts/network-access.js';
import { checksPolicy } from '../../support/checks-policy.js';
import { exampleOutputs } from '../../support/gate-outputs.js';
import { createGovernedRepository } from '../../support/governed-repository.js';
import { outputs, type ScriptStep } from '../../support/scripted-executor.js';

const good = exampleOutputs();
let launcher: Launcher;
let root: string;
beforeAll(() => {
  launcher = createLauncher(process.env.PATH);
  root = mkdtempSync(join(tmpdir(), 'promptos-set-up-'));
});
afterAll(async () => {
  await launcher.close();
  rmSync(root, { recursive: true, force: true });
});

function write(folder: string, files: Readonly<Record<string, string>>): void {
  for (const [path, text] of Object.entries(files)) {
    mkdirSync(dirname(join(folder, path)), { recursive: true });
    writeFileSync(join(folder, path), text);
  }
}

/** The manifest and the lock file of a project that depends on one version of `dep`, as npm itself writes them. */
function npmProject(version: 1 | 2): Readonly<Record<string, string>> {
  const manifest = JSON.stringify({
    name: 'split',
    version: '1.0.0',
    dependencies: { dep: `file:deps/dep-${version}` },
  });
  const files = { 'package.json': manifest, '.npmrc': 'install-links=true\n', ...DEPENDENCIES };
  const folder = mkdtempSync(join(root, 'project-'));
  write(folder, files);
  execFileSync('npm', ['install', '--package-lock-only', '--offline', '--no-audit'], { cwd: folder, stdio: 'ignore' });
  return { ...files, 'package-lock.json': readFileSync(join(folder, 'package-lock.json'), 'utf8') };
}

const DEPENDENCIES = Object.fromEntries(
  [1, 2].flatMap((version) => [
    [`deps/dep-${version}/package.json`, JSON.stringify({ name: 'dep', version: `${version}.0.0` })],
    [`deps/dep-${version}/index.js`, `module.exports = 'dep ${version}';\n`],
  ]),
);

const SOURCE = { 'src/split.js': 'base\n', 'README.md': '# Split\n' };
const CHECKS = `checks: { tests: ${JSON.stringify({ argv: ['node', '-p', 'require("dep")'] })} }`;
const INSTALL = {
  argv: ['npm', 'ci', '--offline', '--no-audit', '--no-fund'],
  key_files: ['package.json', 'package-lock.json'],
};

interface Given {
  readonly setup?: object;
  readonly files?: Readonly<Record<string, string>>;
  readonly allow?: readonly string[];
  readonly network?: NetworkAccess;
}

/** A governed repository whose checks and set-up run in the real sandbox. */
async function governed({ setup = { install: INSTALL }, files = SOURCE, allow = ['*'], network = 'none' }: Given = {}) {
  const given = await createGovernedRepository({
    files,
    policy: checksPolicy(`${CHECKS}\nsetup: ${JSON.stringify(setup)}`),
  });
  onTestFinished(() => given.remove());
  const laidUnder = { kept: mkdtempSync(join(root, 'kept-')), checkouts: realpathSync(tmpdir()) };
  const programs = await openSandbox(DEFAULT_SANDBOX, { programs: launcher, path: process.env.PATH, laidUnder });
  const caches = createCheckCaches(mkdtempSync(join(root, 'caches-')));
  const passed = { allow: ['PATH'], set: {} };
  Object.assign(given.ports, {
    checks: createCheckRunner({ allow: ['*'], env: process.env, caches, programs }),
    setup: createSetupRunner({ allow, network, passed, env: process.env, caches, programs }),
  });
  const carryOut = (
    gate: GateId,
    step: ScriptStep = outputs(good[gate]),
    inputs: Partial<Record<GateId, string>> = {},
  ) => {
    const input = given.input(gate, { inputs });
    given.executors.script(input.principal, step);
    return given.executeGate(input);
  };
  return { ...given, carryOut, laysUnder: programs.laysUnder };
}

const failureOf = async (work: Promise<unknown>): Promise<ApplicationFailure> => {
  const error: unknown = await work.catch((thrown: unknown) => thrown);
  if (error instanceof ApplicationFailure) return error;
  throw new Error(`expected a failure, received ${JSON.stringify(error)}`);
};

describe('set-up with npm in the sandbox', () => {
  test('P00 runs the checks and the agent with it, and every later checkout has what was kept', async () => {
    const { carryOut, record, text } = await governed({ files: { ...SOURCE, ...npmProject(1) } });
    const seen: boolean[] = [];
    const step: ScriptStep = ({ directory }) => {
      seen.push(existsSync(join(directory, 'node_modules/dep/index.js')));
      return { answer: JSON.stringify({ kind: 'output', ...good.P00 }) };
    };
    const context = await record(await carryOut('P00', step));
    expect(seen).toEqual([true]);
    expect(JSON.parse(await text(context, 'evidence/baseline.json'))).toMatchObject({
      checks: [{ name: 'tests', status: 'passed', stdout_tail: 'dep 1\n' }],
    });
    expect(context.findings).toEqual([]);
    // The check's checkout had it made; the agent's got what was kept.
    expect(context.setup).toMatchObject({ cached: true, sha256: expect.stringMatching(/^[0-9a-f]{64}$/) });
    const scope = await record(await carryOut('P01'));
    expect(scope.setup).toMatchObject({ cached: true, sha256: context.setup?.sha256 });
  });

  test('P06 runs the checks on what the key files of the patch install, and the base stays as it was', async () => {
    const { carryOut, record, text } = await governed({ files: { ...SOURCE, ...npmProject(1) } });
    const upgrade: ScriptStep = ({ directory }) => {
      // What the writer leaves in its own node_modules reaches no other checkout.
      write(directory, { ...npmProject(2), 'node_modules/dep/index.js': 'module.exports = "evil";\n' });
      return { answer: JSON.stringify({ kind: 'output', ...good.P05 }) };
    };
    const built = await carryOut('P05', upgrade);
    const change = await record(built);
    expect(JSON.parse(await text(change, 'patch/files.json'))).toMatchObject({
      files: [{ path: 'package-lock.json' }, { path: 'package.json' }],
    });
    const verified = await record(await carryOut('P06', outputs(good.P06), { P05: built.output_sha256 }));
    expect(await text(verified, 'evidence/checks/tests.stdout.txt')).toBe('dep 2\n');
    expect(verified.setup?.sha256).not.toBe(change.setup?.sha256);
    const again = await record(await carryOut('P01'));
    expect(again.setup).toMatchObject({ cached: true, sha256: change.setup?.sha256 });
  });

  test('no result counts that was made with a kept set-up which another program wrote to; then it is made again', async () => {
    const given = await governed({ files: { ...SOURCE, ...npmProject(1) } });
    const { carryOut, executors, laysUnder, ports, record, repository } = given;
    expect(laysUnder).toEqual({ ok: true });
    const forPrincipal = (name: string) => ({ ...executors.forPrincipal(name), laysUnder: true });
    Object.assign(ports, { executors: { forPrincipal } });
    await carryOut('P01');
    const setups = join(dirname(repository), 'state/setups');
    const evil = (): void => {
      const [key = ''] = readdirSync(setups).filter((name) => /^[0-9a-f]{64}$/.test(name));
      writeFileSync(join(setups, key, 'files/node_modules/dep/index.js'), 'module.exports = "evil";\n');
    };
    const asks = {
      issue: 'a',
      impact: 'b',
      context: 'c',
      options: ['d'],
      recommendation: 'e',
      security_sensitive: false,
    };
    const steps: Readonly<Record<string, ScriptStep>> = {
      P01: outputs(good.P01),
      'P01 escalates': () => ({ answer: JSON.stringify({ kind: 'escalation', report: asks }) }),
      P05: ({ directory }) => {
        write(directory, { 'src/split.js': 'changed\n' });
        return { answer: JSON.stringify({ kind: 'output', ...good.P05 }) };
      },
    };
    for (const [name, step] of Object.entries(steps)) {
      const gate = name.slice(0, 3) as GateId;
      evil();
      const failure = await failureOf(carryOut(gate, step));
      expect(failure, name).toMatchObject({ type: 'GIT_FAILED', nonRetryable: false });
      const again = await record(await carryOut(gate, step));
      expect(again.setup, name).toMatchObject({ cached: false });
    }
    expect(executors.calls).toHaveLength(7);
    evil();
    // The check of P00, before any agent is asked.
    expect(await failureOf(carryOut('P00'))).toMatchObject({ type: 'GIT_FAILED' });
    expect(executors.calls).toHaveLength(7);
  });

  test.each([
    ['a patch that was made elsewhere, without what the set-up made', {}],
    [
      'a claimed checkout, with a node_modules of its own',
      { 'node_modules/dep/index.js': 'module.exports = "old";\n' },
    ],
  ])('P05 takes the files of %s', async (_, more) => {
    const files = { ...SOURCE, ...npmProject(1) };
    const { carryOut, record, text } = await governed({ files });
    const elsewhere = mkdtempSync(join(root, 'elsewhere-'));
    write(elsewhere, { ...files, ...more, 'src/split.js': 'changed\n' });
    const replace: ScriptStep = async ({ directory }) => {
      expect(existsSync(join(directory, 'node_modules/dep/index.js'))).toBe(true);
      await replaceFiles(elsewhere, directory);
      return { answer: JSON.stringify({ kind: 'output', ...good.P05 }) };
    };
    const change = await record(await carryOut('P05', replace));
    expect(JSON.parse(await text(change, 'patch/files.json'))).toMatchObject({ files: [{ path: 'src/split.js' }] });
  });
});

test('set-up: its variables reach the commands, the checks and the agent, each with the folder of its own checkout', async () => {
  const cache = {
    argv: ['sh', '-c', 'mkdir -p "$MODULES/dep" && echo "module.exports = 7" > "$MODULES/dep/index.js"'],
    key_files: ['README.md'],
    env: { MODULES: '{checkout}/.setup/modules', NODE_PATH: '{checkout}/.setup/modules' },
  };
  const { carryOut, executors, record, text } = await governed({ setup: { cache } });
  const context = await record(await carryOut('P00'));
  expect(JSON.parse(await text(context, 'evidence/baseline.json'))).toMatchObject({
    checks: [{ status: 'passed', stdout_tail: '7\n' }],
  });
  const [call] = executors.calls;
  const modules = join(call?.directory ?? '', '.setup/modules');
  expect(call?.env).toEqual({ MODULES: modules, NODE_PATH: modules });
  expect(context.findings).toEqual([]);
});

describe('set-up that fails', () => {
  const KEY = { key_files: ['README.md'] };
  test('names the command and what it printed, without secrets, before any agent is asked', async () => {
    const token = `ghp_${'x1Y2z3'.repeat(6)}`;
    const script = `echo "token ${token}" >&2; echo "E404 no such package" >&2; exit 3`;
    const { carryOut, executors, ports } = await governed({
      setup: { first: { argv: ['true'], ...KEY }, install: { argv: ['sh', '-c', script], ...KEY } },
    });
    const failure = await failureOf(carryOut('P01'));
    expect(failure).toMatchObject({ type: 'SETUP_FAILED', nonRetryable: true });
    expect(failure.message).toContain('The set-up command "install"');
    expect(failure.message).toContain('exit code 3');
    expect(failure.message).toContain('E404 no such package');
    expect(failure.message).not.toContain(token);
    const digest = /setup\/install\.stderr\.txt sha256:([0-9a-f]{64})/.exec(failure.message)?.[1] ?? '';
    const log = new TextDecoder().decode(await ports.store.readObject(digest));
    expect(log).toMatch(/^token (?!ghp_).*\nE404 no such package\n$/);
    expect(failure.message).not.toContain('stdout.txt');
    expect(executors.calls).toEqual([]);
  });

  test('says so of a command that is missing, and of one that took too long', async () => {
    const missing = await governed({ setup: { install: { argv: ['no-such-program'], ...KEY } } });
    expect((await failureOf(missing.carryOut('P01'))).message).toContain('no-such-program');
    const slow = await governed({ setup: { install: { argv: ['sleep', '60'], timeout: '1s', ...KEY } } });
    expect((await failureOf(slow.carryOut('P01'))).message).toContain('it ran longer than 1 s');
  });

  test('shows the end of a long output, and keeps all of it', async () => {
    const { carryOut, ports } = await governed({
      setup: { install: { argv: ['sh', '-c', 'seq 1 100000; exit 1'], ...KEY } },
    });
    const { message } = await failureOf(carryOut('P01'));
    const digest = /setup\/install\.stdout\.txt sha256:([0-9a-f]{64})/.exec(message)?.[1] ?? '';
    const log = new TextDecoder().decode(await ports.store.readObject(digest));
    expect(log.split('\n')).toHaveLength(100_001);
    expect(message).toContain('99999\n100000');
    expect(message.length).toBeLessThan(2_000);
  });
});

describe('set-up that the worker does not grant', () => {
  const hosts = ['registry.example.com'];
  const command = { argv: ['true'], key_files: ['README.md'], network: { hosts } };
  test.each<[string, Given, string]>([
    ['a name', { allow: ['other'] }, 'does not grant the set-up command "install" (setup.allow); granted: other'],
    ['a network', { network: { hosts: ['example.com'] } }, '(registry.example.com), which this worker does not grant'],
    ['any network', {}, '(registry.example.com), which this worker does not grant (setup.network); granted: none'],
  ])('%s is refused, and no command runs', async (_, more, said) => {
    const { carryOut, executors } = await governed({ setup: { install: command }, ...more });
    const failure = await failureOf(carryOut('P01'));
    expect(failure).toMatchObject({ type: 'SETUP_NOT_GRANTED', nonRetryable: true });
    expect(failure.message).toContain(said);
    expect(executors.calls).toEqual([]);
  });
});
