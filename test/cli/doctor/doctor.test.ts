import { chmod, mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { execa } from 'execa';
import { expect, onTestFinished, test, vi } from 'vitest';
import { findProgram, whyNoProgram } from '../../../src/adapters/platform/find-program.js';
import { temporalProbes } from '../../../src/cli/doctor/diagnose.js';
import { doctorCommand } from '../../../src/cli/doctor/doctor-command.js';
import { type ProbeReport, type ProbeSetting, runProbes, type TemporalProbes } from '../../../src/cli/doctor/probe.js';
import { judgeNode } from '../../../src/cli/doctor/probes.js';
import { keysCommand } from '../../../src/cli/keys/keys-command.js';
import { initCommand } from '../../../src/cli/start/start-commands.js';
import { PromptOsError } from '../../../src/contracts/errors.js';
import { missing } from '../../support/missing-package.js';
import { pathWithBubblewrap } from '../../support/stand-in-bubblewrap.js';
import { invoke } from '../recorded-context.js';

vi.mock('node:module', async (original) => {
  const { withoutMissing } = await import('../../support/missing-package.js');
  return withoutMissing(await original());
});

/** A reachable Temporal; `reach` is called only in tests that name a server. */
const embedded: TemporalProbes = {
  findBinary: async () => ({ path: '/opt/temporal', version: '1.9.1' }),
  findServer: async () => ({ address: '127.0.0.1:7233', ui_url: 'http://127.0.0.1:8233' }),
  reach: async () => {
    throw new Error('no server was named, so none is to be reached');
  },
  pollers: async () => {
    throw new Error('no server was named, so none is to be asked');
  },
};

async function folder(): Promise<string> {
  const path = await mkdtemp(join(tmpdir(), 'promptos-doctor-'));
  onTestFinished(() => rm(path, { recursive: true, force: true }));
  return path;
}

const policyPath = (top: string) => join(top, '.promptos', 'policy.yaml');
const workerPath = (top: string) => join(top, '.promptos', 'worker.yaml');
const change = async (path: string, from: string | RegExp, to: string) => {
  const text = await readFile(path, 'utf8');
  const changed = text.replace(from, to);
  expect(changed).not.toBe(text);
  await writeFile(path, changed);
};

const IDENTITY = ['-c', 'user.name=t', '-c', 'user.email=t@example.org'];

/** A repository that is ready for runs: what `init` wrote, with agents. */
async function readyRepository(): Promise<string> {
  const top = await folder();
  await execa('git', ['init', '-q', '-b', 'main'], { cwd: top });
  await execa('git', [...IDENTITY, 'commit', '-q', '--allow-empty', '-m', 'first'], { cwd: top });
  await writeFile(join(top, 'package.json'), '{"scripts":{"test":"node --test"}}');
  const env = { ...process.env, PROMPTOS_KEYS_DIR: join(await folder(), 'keys') };
  await invoke((context) => initCommand(context), ['--alone', '--developer', 'ada'], { cwd: top, env });
  await change(workerPath(top), /^# (executors:| {2}.*)$/gm, '$1');
  await change(workerPath(top), /my-agent, --print/g, 'node, --version');
  return top;
}

/** Gives the policy a set-up command whose program no machine has. */
const setUp = (top: string, network: string): Promise<void> =>
  change(
    policyPath(top),
    /^setup: \{\}$/m,
    `setup: { install: { argv: [no-such-installer], key_files: [package.json], network: ${network} } }`,
  );

const bare = async (bubblewrap: 'works' | 'broken' = 'works') => ({
  PATH: await pathWithBubblewrap(bubblewrap, await folder()),
  HOME: await folder(),
  XDG_CONFIG_HOME: await folder(),
});

async function examine(
  cwd: string,
  options: { env?: Record<string, string | undefined>; temporal?: TemporalProbes; args?: string[] } = {},
) {
  const { env = {}, temporal = embedded, args = [] } = options;
  const { objects, exitCode } = await invoke((context) => doctorCommand(context, temporal), args, {
    cwd,
    json: true,
    env: { ...(await bare()), ...env },
  });
  const [report] = objects as unknown as [{ healthy: boolean; probes: ProbeReport[] }];
  const probe = (name: string): ProbeReport => {
    const found = report.probes.find((one) => one.name === name);
    if (found === undefined) throw new Error(`there is no probe ${name}`);
    return found;
  };
  return { exitCode, healthy: report.healthy, probes: report.probes, probe };
}

test('doctor: all is well and exit 0, when a repository is ready', async () => {
  const top = await readyRepository();
  const { exitCode, healthy, probes, probe } = await examine(top);
  expect(probes.filter(({ status }) => status !== 'ok')).toEqual([]);
  expect({ exitCode, healthy }).toEqual({ exitCode: 0, healthy: true });
  expect(probe('executors').message).toBe('writer: node, verifier: node, reviewer: node');
  expect(probe('checks').message).toBe('tests');
});

test('doctor: a preset whose program is missing comes with how to install it', async () => {
  const top = await readyRepository();
  const agents = ['writer', 'verifier', 'reviewer'].map((role) => `  ${role}-agent: { kind: preset, agent: claude }\n`);
  await change(workerPath(top), /^executors:\n(?: .*\n)+/m, `executors:\n${agents.join('')}`);
  const { probe } = await examine(top, { env: { PATH: '/nowhere' } });
  expect(probe('executors')).toMatchObject({
    status: 'fail',
    message: expect.stringContaining('there is no program claude'),
    next: 'Install the agent (npm install -g @anthropic-ai/claude-code), or correct the executor in worker.yaml.',
  });
});

test('doctor: a model executor is shown by its model and service, and a package that it lacks with what installs it', async () => {
  const top = await readyRepository();
  const local = '{ kind: model, base_url: "http://127.0.0.1:8080/v1", model: qwen3-coder }';
  const executors = (reviewer: string) =>
    `executors:\n  writer-agent: ${local}\n  verifier-agent: ${local}\n  reviewer-agent: ${reviewer}\n`;
  await change(workerPath(top), /^executors:\n(?: .*\n)+/m, executors(local));
  const shown = 'qwen3-coder at 127.0.0.1:8080';
  expect((await examine(top)).probe('executors')).toMatchObject({
    status: 'ok',
    message: `writer: ${shown}, verifier: ${shown}, reviewer: ${shown}`,
  });
  await change(
    workerPath(top),
    /^executors:\n(?: .*\n)+/m,
    executors('{ kind: model, provider: google, model: gemini-2.5-pro }'),
  );
  missing.name = '@ai-sdk/google';
  onTestFinished(() => {
    missing.name = '';
  });
  expect((await examine(top)).probe('executors')).toMatchObject({
    status: 'fail',
    message: expect.stringContaining('reviewer-agent: The provider "google" needs its package: npm install'),
    next: expect.stringMatching(/^Do what is named/),
  });
});

test('doctor: agents whose gates are handed off need a policy that does not ask for different executors', async () => {
  const top = await readyRepository();
  const handedOff = ['writer', 'verifier', 'reviewer'].map((role) => `  ${role}-agent: { kind: handoff }\n`);
  await change(workerPath(top), /^executors:\n(?: .*\n)+/m, `executors:\n${handedOff.join('')}`);
  expect((await examine(top)).probe('executors')).toMatchObject({
    status: 'fail',
    message: expect.stringContaining('writer-agent, verifier-agent, reviewer-agent'),
    next: expect.stringContaining('separation: { executors: any }'),
  });
  const policy = await readFile(policyPath(top), 'utf8');
  await writeFile(policyPath(top), `${policy}\nseparation: { executors: any }\n`);
  expect((await examine(top)).probe('executors')).toMatchObject({
    status: 'ok',
    message: 'writer: handed off, verifier: handed off, reviewer: handed off',
  });
});

test('doctor: a worker of the engine alone needs neither executors nor checks', async () => {
  const top = await readyRepository();
  await change(workerPath(top), 'allow: [tests]', 'allow: []');
  await change(workerPath(top), /^roles: .*$/m, 'roles: [engine]');
  const { exitCode, probe } = await examine(top);
  const ok = { status: 'ok', message: 'this worker carries out no role' };
  expect([probe('executors'), probe('checks'), exitCode]).toMatchObject([ok, ok, 0]);
});

test.each<[string, string, string, string]>([
  [
    'writer',
    'block',
    'fail',
    'does not grant tests, so P00 cannot run what the policy asks for (baseline: block), and fails.',
  ],
  ['writer', 'note', 'warn', 'does not grant tests, so P00 does not see what fails on the base commit already.'],
  ['writer', 'off', 'ok', 'this worker runs no checks'],
  ['verifier', 'off', 'fail', 'does not grant tests.'],
  ['reviewer', 'block', 'ok', 'this worker runs no checks'],
])("doctor: the %s's worker without the checks, under baseline: %s: %s", async (role, baseline, status, said) => {
  const top = await readyRepository();
  await change(workerPath(top), 'allow: [tests]', 'allow: []');
  await change(workerPath(top), /^roles: .*$/m, `roles: [${role}]`);
  if (baseline !== 'note') await change(policyPath(top), /^baseline: note$/m, `baseline: ${baseline}`);
  const { probe } = await examine(top);
  expect(probe('checks')).toMatchObject({ status, message: expect.stringContaining(said) });
});

test('doctor: the program of a check is looked for where the worker config says', async () => {
  const top = await readyRepository();
  await change(workerPath(top), 'allow: [tests]', 'allow: [tests]\n  env: { set: { PATH: /nowhere } }');
  const { probe } = await examine(top);
  expect(probe('checks')).toMatchObject({ status: 'fail', message: 'tests: there is no program sh' });
});

test('doctor: names the sandbox of this machine', async () => {
  const { probe } = await examine(await readyRepository());
  expect(probe('sandbox')).toMatchObject({
    status: 'ok',
    message: expect.stringMatching(/^bubblewrap 0\.8\.0 \/.*\/bwrap$/),
  });
});

test('doctor: fails with what to install, where the worker config asks for a sandbox that the machine does not have', async () => {
  const top = await readyRepository();
  const { exitCode, probe } = await examine(top, { env: await bare('broken') });
  const { status, message, next } = probe('sandbox');
  expect({ exitCode, status }).toEqual({ exitCode: 1, status: 'fail' });
  expect(message).toContain('bubblewrap cannot make a sandbox here: bwrap: No permissions to create new namespace');
  expect(next).toContain('docs/sandbox.md');
  expect(next).toContain('Or write `sandbox: none` in worker.yaml: the record of each run then says so.');
});

test.each(['works', 'broken'] as const)(
  'doctor: warns of `sandbox: none` in the worker config, where the bubblewrap of the machine %s',
  async (bubblewrap) => {
    const top = await readyRepository();
    await change(workerPath(top), /$/, '\nsandbox: none\n');
    const { exitCode, probe } = await examine(top, { env: await bare(bubblewrap) });
    const { status, message, next } = probe('sandbox');
    expect({ exitCode, status }).toEqual({ exitCode: 0, status: 'warn' });
    expect(message).toContain('executors and checks can read and change whatever this account can');
    expect(next).toContain('Remove `sandbox: none`');
  },
);

test('doctor: a worker that starts neither executors nor checks needs no sandbox', async () => {
  const top = await readyRepository();
  await change(workerPath(top), /^executors:[\s\S]*?\n\n/m, 'executors: {}\n\n');
  await change(workerPath(top), 'allow: [tests]', 'allow: []');
  const { probe } = await examine(top, { env: await bare('broken') });
  expect(probe('sandbox')).toMatchObject({ status: 'ok', message: expect.stringMatching(/^not needed: .*none: /) });
});

test('doctor: a missing sandbox is a warning, where no worker config can be read', async () => {
  const { probe } = await examine(await folder(), { env: await bare('broken') });
  expect(probe('sandbox').status).toBe('warn');
});

test('doctor: a line each with the next step under it, for a person', async () => {
  const top = await readyRepository();
  await change(workerPath(top), 'allow: [tests]', 'allow: []');
  const { stdout, exitCode } = await invoke((context) => doctorCommand(context, embedded), [], {
    cwd: top,
    env: await bare(),
  });
  expect(stdout).toMatch(/^ok {4}node {12}\d+\./m);
  expect(stdout).toMatch(
    /^fail {2}checks {10}The worker config does not grant tests\.\n {22}→ Add tests to checks\.allow/m,
  );
  expect(stdout).toContain('1 of 19 failed');
  expect(exitCode).toBe(1);
});

test('doctor: says `promptos init` and exits 1, in a repository where nothing is written', async () => {
  const top = await folder();
  await execa('git', ['init', '-q'], { cwd: top });
  const { exitCode, probe } = await examine(top);
  expect(exitCode).toBe(1);
  expect(probe('policy')).toMatchObject({ status: 'fail', next: expect.stringContaining('promptos init') });
  expect(probe('worker config')).toMatchObject({ status: 'fail', next: expect.stringContaining('promptos init') });
  expect(probe('policy trusted')).toMatchObject({ status: 'warn', message: expect.stringContaining('Not looked at') });
  expect(probe('state folder').status).toBe('warn');
});

test('doctor: says once for a person what was not looked at, and names each probe in the JSON', async () => {
  const top = await folder();
  await execa('git', ['init', '-q'], { cwd: top });
  const { stdout } = await invoke((context) => doctorCommand(context, embedded), [], { cwd: top, env: await bare() });
  const lines = stdout.split('\n').filter((line) => /not looked at/i.test(line));
  expect(lines.length).toBe(new Set(lines.map((line) => /: the .* cannot be read/.exec(line)?.[0])).size);
  expect(stdout).toMatch(
    /^warn {2}not looked at {3}[^:]*policy trusted[^:]*: the (?:policy|worker config) cannot be read\n/m,
  );
  const { probe } = await examine(top);
  expect(probe('policy trusted')).toMatchObject({ unread: expect.stringMatching(/^(?:policy|worker config)$/) });
});

test('doctor: a repository without a commit fails, since a run starts from one', async () => {
  const top = await readyRepository();
  await execa('git', ['update-ref', '-d', 'refs/heads/main'], { cwd: top });
  const { probe } = await examine(top);
  expect(probe('base commit')).toMatchObject({ status: 'fail', next: 'Make a first commit in the repository.' });
});

test('doctor: warns outside of a repository', async () => {
  expect((await examine(await folder())).probe('git')).toMatchObject({ status: 'warn' });
});

test('doctor: warns of a waivable name that is no rule', async () => {
  const top = await readyRepository();
  await change(policyPath(top), /^waivable: .*$/m, 'waivable: [checks, secret_candidate]');
  const { probe } = await examine(top);
  expect(probe('policy')).toMatchObject({
    status: 'warn',
    message: 'waivable: there is no rule "secret_candidate". Did you mean "secret_candidates"?',
    next: expect.stringContaining('docs/rules.md'),
  });
});

const breakages: [string, string, (top: string) => Promise<unknown>, RegExp][] = [
  [
    'the policy has a typing error',
    'policy',
    (top) => change(policyPath(top), 'waivable', 'waivabel'),
    /waivabel: unknown key\. Did you mean "waivable"/,
  ],
  [
    'the worker config has a typing error',
    'worker config',
    (top) => change(workerPath(top), 'roles:', 'rolls:'),
    /rolls: unknown key\. Did you mean "roles"/,
  ],
  [
    'the worker trusts another policy',
    'policy trusted',
    (top) => change(workerPath(top), '[policy.yaml]', `['sha256:${'0'.repeat(64)}']`),
    /trusts 1 policy, and this one is not among them/,
  ],
  [
    'the policy trusts another pack',
    'prompt pack',
    (top) => change(policyPath(top), /[0-9a-f]{64}/, 'f'.repeat(64)),
    /does not trust the pack/,
  ],
  [
    'an agent is not installed',
    'executors',
    (top) => change(workerPath(top), '[node, --version]', '[no-such-agent]'),
    /writer: there is no program no-such-agent/,
  ],
  [
    'an agent is not configured',
    'executors',
    (top) => change(workerPath(top), '  reviewer-agent:\n', '  somebody-else:\n'),
    /reviewer: "reviewer-agent" has no executor/,
  ],
  [
    'an agent sees no PATH',
    'executors',
    (top) => change(workerPath(top), '[PATH, LANG, LC_ALL, TMPDIR]', '[LANG]'),
    /writer: there is no program node/,
  ],
  [
    'the program of a check is missing',
    'checks',
    (top) => change(policyPath(top), /argv: \[.*\]/, 'argv: [no-such-runner]'),
    /tests: there is no program no-such-runner/,
  ],
  [
    'a set-up command and its host are not granted',
    'set-up',
    (top) => setUp(top, '{ hosts: [registry.example.com, pypi.org] }'),
    /needs the command install, the host registry\.example\.com, the host pypi\.org, which the worker config does not grant/,
  ],
  [
    'the program of a set-up command is missing',
    'set-up',
    async (top) => {
      await setUp(top, 'none');
      await change(workerPath(top), /^setup:\n {2}allow: \[\]$/m, 'setup:\n  allow: [install]');
    },
    /install: there is no program no-such-installer/,
  ],
  [
    'the policy has no check',
    'checks',
    (top) => change(policyPath(top), /\nchecks:\n[\s\S]*?\ndefault_checks: \[tests\]/, '\n'),
    /every run fails at P06/,
  ],
  [
    'a repository is no repository',
    'repositories',
    (top) => change(workerPath(top), 'path: ..', 'path: /nowhere'),
    /\/nowhere is no git repository/,
  ],
  [
    'a repository is missing below another one',
    'repositories',
    (top) => change(workerPath(top), 'path: ..', 'path: ../nowhere'),
    /\/nowhere is no git repository/,
  ],
  [
    'a file is where the store should be',
    'store',
    async (top) => {
      await rm(join(top, '.promptos', 'state'), { recursive: true });
      await writeFile(join(top, '.promptos', 'state'), '');
    },
    /nothing can be written/,
  ],
];

test.each(breakages)('doctor: exits 1 with a next step, when %s', async (_, name, breakIt, message) => {
  const top = await readyRepository();
  await breakIt(top);
  const { exitCode, probe } = await examine(top);
  expect(probe(name)).toMatchObject({
    status: 'fail',
    message: expect.stringMatching(message),
    next: expect.stringMatching(/\w+/),
  });
  expect(exitCode).toBe(1);
});

test('doctor: the linter and the pack, for --prompt-pack', async () => {
  const { exitCode, probe } = await examine(await readyRepository(), { args: ['--prompt-pack', '/nowhere'] });
  expect(probe('prompt pack')).toMatchObject({ status: 'fail', next: expect.stringContaining('prompts.index.json') });
  expect(exitCode).toBe(1);
});

test('doctor: warns, when git does not ignore the state folder', async () => {
  const top = await readyRepository();
  await rm(join(top, '.promptos', '.gitignore'));
  await rm(join(top, '.promptos', 'state'), { recursive: true });
  const { probe, exitCode } = await examine(top);
  expect(probe('state folder')).toMatchObject({ status: 'warn', next: expect.stringContaining('state/') });
  expect(exitCode).toBe(0);
});

test('doctor: no embedded server is no failure; a Temporal CLI that must be fetched is a warning', async () => {
  const temporal = { ...embedded, findBinary: async () => null, findServer: async () => null };
  const { probe, exitCode } = await examine(await readyRepository(), { temporal });
  expect([probe('temporal cli').status, probe('temporal server').status, exitCode]).toEqual(['warn', 'ok', 0]);
});

test('doctor: a named server is reached, and nothing embedded is looked at', async () => {
  const named: string[] = [];
  const temporal: TemporalProbes = {
    findBinary: async () => Promise.reject(new Error('not to be looked for')),
    findServer: async () => Promise.reject(new Error('not to be looked for')),
    reach: async ({ connectionOptions }) => void named.push(String(connectionOptions.address)),
    pollers: async () => 1,
  };
  const env = { TEMPORAL_ADDRESS: 'temporal.example:7233' };
  const { probe } = await examine(await readyRepository(), { temporal, env });
  expect(named).toEqual(['temporal.example:7233']);
  expect(probe('temporal server')).toMatchObject({
    status: 'ok',
    message: expect.stringContaining('named by TEMPORAL_ADDRESS'),
  });
});

test('doctor: names the queues of a server that no worker polls', async () => {
  const temporal = {
    ...embedded,
    reach: async () => {},
    pollers: async (_: unknown, { name }: { readonly name: string }) => +!/er$/.test(name),
  };
  const env = { TEMPORAL_ADDRESS: 'temporal.example:7233' };
  const { probe, exitCode } = await examine(await readyRepository(), { temporal, env });
  expect(probe('workers')).toMatchObject({
    status: 'warn',
    message: 'no worker polls promptos.writer (P00, P01, P03, P05), promptos.verifier (P06), promptos.reviewer (P07)',
  });
  expect(exitCode).toBe(0);
});

test('doctor: a commit that is not pushed is out of reach for workers that fetch by URL', async () => {
  const [top, remote] = [await readyRepository(), await folder()];
  const git = (...args: string[]) =>
    execa('git', ['-c', 'user.name=A', '-c', 'user.email=a@b.c', ...args], { cwd: top });
  await git('add', '-A');
  await git('commit', '-qm', 'governed');
  expect((await examine(top)).probe('base commit')).toMatchObject({ status: 'ok' });
  await change(workerPath(top), /path: "?\.\."?/, `url: ${JSON.stringify(remote)}`);
  const pushed = () => examine(top).then(({ probe }) => probe('base commit'));
  expect(await pushed()).toMatchObject({ status: 'warn', next: expect.stringContaining('git push origin main') });
  await execa('git', ['init', '-q', '--bare', remote]);
  await git('remote', 'add', 'origin', remote);
  await git('push', '-q', 'origin', 'main');
  expect(await pushed()).toMatchObject({ status: 'ok', message: 'pushed' });
});

test('doctor: TEMPORAL_UNREACHABLE from the real connection, when no server answers', async () => {
  // A port that was free a moment ago.
  const server = createServer().listen(0, '127.0.0.1');
  await new Promise((resolve) => server.once('listening', resolve));
  const { port } = server.address() as { port: number };
  await new Promise((resolve) => server.close(resolve));
  const reaching = temporalProbes({}).reach({ named_by: [], connectionOptions: { address: `127.0.0.1:${port}` } });
  await expect(reaching).rejects.toMatchObject({ code: 'TEMPORAL_UNREACHABLE' });
});

test('findBinary: downloads nothing, when no Temporal CLI is there or the one on PATH is none', async () => {
  const [cache, bin] = [await folder(), await folder()];
  expect(await temporalProbes({ PROMPTOS_CACHE_DIR: cache, PATH: bin }).findBinary()).toBeNull();
  await writeFile(join(bin, 'temporal'), '#!/bin/sh\necho hello\n');
  await chmod(join(bin, 'temporal'), 0o755);
  expect(await temporalProbes({ PROMPTOS_CACHE_DIR: cache, PATH: bin }).findBinary()).toBeNull();
});

test('findBinary: the one on PATH, and SERVER_BINARY_MISSING for a wrong TEMPORAL_CLI_PATH', async () => {
  const [cache, bin] = [await folder(), await folder()];
  await writeFile(join(bin, 'temporal'), '#!/bin/sh\necho temporal version 1.9.1\n');
  await chmod(join(bin, 'temporal'), 0o755);
  const env = { PROMPTOS_CACHE_DIR: cache, PATH: bin };
  expect(await temporalProbes(env).findBinary()).toMatchObject({ path: join(bin, 'temporal'), version: '1.9.1' });
  const wrong = temporalProbes({ ...env, TEMPORAL_CLI_PATH: '/nowhere/temporal' }).findBinary();
  await expect(wrong).rejects.toMatchObject({ code: 'SERVER_BINARY_MISSING' });
});

test.each([
  ['20.19.0', 'ok'],
  ['24.1.0', 'ok'],
  ['20.18.3', 'fail'],
  ['18.20.0', 'fail'],
])('doctor: Node %s is %s', async (version, status) => {
  expect(judgeNode(version).status).toBe(status);
});

test('runProbes: one that breaks stops no other, and keeps the catalogue’s next step', async () => {
  const reports = await runProbes({} as ProbeSetting, {
    a: () => Promise.reject(new Error('boom')),
    b: () => Promise.reject(new PromptOsError('GIT_NOT_FOUND', 'There is no git.')),
    c: async () => ({ status: 'ok', message: 'fine' }),
  });
  expect(reports).toEqual([
    { name: 'a', status: 'fail', message: 'boom', next: 'Report this with what it says.' },
    { name: 'b', status: 'fail', message: 'There is no git.', next: 'Install git 2.31 or newer.' },
    { name: 'c', status: 'ok', message: 'fine' },
  ]);
});

test('findProgram: absolute entries of PATH only, and only what may be executed', async () => {
  const bin = await folder();
  await writeFile(join(bin, 'tool'), '#!/bin/sh\n');
  await mkdir(join(bin, 'sub'));
  expect(findProgram('tool', bin)).toBeNull();
  await chmod(join(bin, 'tool'), 0o755);
  expect(findProgram('tool', `relative:${bin}`)).toBe(join(bin, 'tool'));
  expect(findProgram('tool', undefined)).toBeNull();
  expect(findProgram('sub', bin)).toBeNull();
  expect(findProgram('./tool', bin)).toBeNull();
});

test('whyNoProgram: a file that may not be run is not called missing', async () => {
  const bin = await folder();
  const tool = join(bin, 'tool');
  expect(await whyNoProgram('tool', bin)).toBe('there is no program tool');
  expect(await whyNoProgram('./tool', bin)).toBe('there is no program ./tool');
  await writeFile(tool, '#!/bin/sh\n', { mode: 0o644 });
  const refused = `${tool} exists, and this user may not run it: its mode is 0644`;
  expect(await whyNoProgram('tool', `/nowhere:${bin}`)).toBe(refused);
  expect(await whyNoProgram(tool, undefined)).toBe(refused);
  await mkdir(join(bin, 'sub'));
  expect(await whyNoProgram('sub', bin)).toBe(`${join(bin, 'sub')} is no program`);
});

test('doctor: warns of keys without a passphrase and of keys that others can read', async () => {
  const top = await readyRepository();
  const keys = await folder();
  const env = { PROMPTOS_KEYS_DIR: keys };
  expect((await examine(top, { env })).probe('keys')).toEqual({
    name: 'keys',
    status: 'ok',
    message: `none in ${keys}`,
  });
  await invoke((context) => keysCommand(context), ['generate', '--for', 'ada', '--no-passphrase'], { cwd: top, env });
  expect((await examine(top, { env })).probe('keys')).toMatchObject({
    status: 'warn',
    message: `no passphrase: ada (${keys})`,
  });
  await chmod(join(keys, 'ada.pem'), 0o640);
  expect((await examine(top, { env })).probe('keys').message).toContain('has the mode 0640');
});

test("doctor: the worker's keys are opened", async () => {
  const top = await readyRepository();
  const engine = join(top, '.promptos', 'keys', 'engine.pem');
  const { objects } = await invoke((context) => keysCommand(context), ['show', engine], { cwd: top, json: true });
  const { probe, healthy } = await examine(top);
  expect(probe('signers')).toMatchObject({ status: 'ok', message: expect.stringContaining('writer-agent: SHA256:') });
  expect(probe('signers').message).toContain(`engine: ${objects[0]?.keyid}`);
  expect(healthy).toBe(true);
  await rm(engine);
  const without = await examine(top);
  expect(without.probe('signers')).toMatchObject({ status: 'fail', message: expect.stringContaining('engine.pem') });
  expect(without.exitCode).toBe(1);
});

test("doctor: a worker's key that the policy does not list for its name fails, before a run does", async () => {
  const top = await readyRepository();
  await change(workerPath(top), 'engine: { file: keys/engine.pem }', 'engine: { file: keys/writer-agent.pem }');
  const { probe, exitCode } = await examine(top);
  expect(probe('signers')).toMatchObject({
    status: 'fail',
    message: expect.stringMatching(/^The policy does not list the key SHA256:\S{43} for engine\.$/),
  });
  expect(exitCode).toBe(1);
});

test('doctor: a key for a name that the policy does not know is none of its business', async () => {
  const top = await readyRepository();
  await change(workerPath(top), /^signers:\n/m, 'signers:\n  other-agent: { file: keys/writer-agent.pem }\n');
  expect((await examine(top)).probe('signers')).toMatchObject({ status: 'ok' });
});

test('doctor: a key of the policy that was cut is a problem of the policy', async () => {
  const top = await readyRepository();
  await change(policyPath(top), /ssh-ed25519 AAAAC3\S+ writer-agent/, 'ssh-ed25519 AAAAC3 writer-agent');
  const { probe, exitCode } = await examine(top);
  expect(probe('policy')).toMatchObject({ status: 'fail', message: expect.stringContaining('no Ed25519 public key') });
  expect(exitCode).toBe(1);
});
