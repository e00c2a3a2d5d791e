import { cp, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { execa } from 'execa';
import { afterAll, beforeAll, describe, expect, inject, test, vi } from 'vitest';
import type { ErrorCode } from '../../src/contracts/errors.js';
import { createHostileSite, type HostileSite, type ProgramRun, runProgram } from '../support/hostile-site.js';

/*
 * Every kind of user error, with the real program: one message with a code and the next step, the
 * right exit code, nothing half-written, never a stack trace.
 */

const UNREACHABLE = '127.0.0.1:9';
/** A gate that ends blocked at once, so that there is one that cannot be approved. */
const MUTTERS = { kind: 'command', argv: ['/bin/echo', 'no idea'] };
const MUTTERING = {
  principals: {
    ada: { kind: 'human' },
    grace: { kind: 'human' },
    mo: { kind: 'agent' },
    vera: { kind: 'agent' },
    rex: { kind: 'agent' },
  },
  roles: { writer: 'mo', verifier: 'vera', reviewer: 'rex', integrator: ['grace', 'ada'] },
};

let site: HostileSite;
let folder: string;
beforeAll(async () => {
  site = await createHostileSite({
    address: inject('temporalAddress'),
    policies: { 'muttering.yaml': MUTTERING },
    executors: { mo: MUTTERS },
  });
  folder = await mkdtemp(join(tmpdir(), 'promptos-bad-'));
});
afterAll(async () => {
  await site?.close();
  await rm(folder, { recursive: true, force: true });
});

/** What went wrong, as the last object says it; and as a person reads it. */
function expectError(run: ProgramRun, code: ErrorCode, exitCode: number, message: string | RegExp): void {
  expect(run).toMatchObject({
    exitCode,
    last: { error: { code, message: expect.stringMatching(message), next: expect.stringMatching(/\.$/) } },
  });
  expect(run.stderr).toMatch(new RegExp(`^error ${code}: `, 'm'));
  expect(run.stderr).toMatch(/^ {2}next: /m);
  expect(run.stdout + run.stderr).not.toMatch(/^\s+at .*[:(]\d+/m);
}

interface Project {
  readonly path: string;
  /** Replaces a part of a file. */
  edit(path: string, from: string | RegExp, to: string): Promise<void>;
  git(...args: readonly string[]): Promise<unknown>;
}

async function copyProject(name: string): Promise<Project> {
  const path = join(folder, name);
  await cp(site.repository, path, { recursive: true, filter: (source) => !source.endsWith('/state') });
  return {
    path,
    edit: async (file, from, to) => {
      const text = await readFile(join(path, file), 'utf8');
      const edited = text.replace(from, to);
      if (edited === text) throw new Error(`${file} does not hold ${from}`);
      await writeFile(join(path, file), edited);
    },
    git: (...args) =>
      execa('git', ['-C', path, '-c', 'user.name=t', '-c', 'user.email=t@example.org', ...args], { stdin: 'ignore' }),
  };
}

interface BadStart {
  readonly name: string;
  readonly code: ErrorCode;
  readonly exit: number;
  readonly message: string | RegExp;
  readonly args?: readonly string[];
  readonly developer?: string;
  readonly spoil?: (project: Project) => Promise<unknown>;
}

const POLICY = '.promptos/policy.yaml';
const WORKER = '.promptos/worker.yaml';

const BAD_STARTS: readonly BadStart[] = [
  { name: 'unknown gate', code: 'GATE_UNKNOWN', exit: 2, message: '"P99" is no gate', args: ['--prompts', 'P01,P99'] },
  { name: 'P08 listed', code: 'GATE_UNKNOWN', exit: 2, message: 'cannot be listed', args: ['--prompts', 'P01,P08'] },
  { name: 'out of order', code: 'GATE_ORDER', exit: 2, message: 'P01 comes after P03', args: ['--prompts', 'P03,P01'] },
  { name: 'required gate', code: 'GATE_REQUIRED', exit: 2, message: 'requires P01', args: ['--prompts', 'P00'] },
  { name: 'empty developer', code: 'DEVELOPER_EMPTY', exit: 2, message: 'empty', developer: ' ' },
  { name: 'no git', code: 'REPO_NOT_GIT', exit: 2, message: 'not inside', args: ['--target-repo', tmpdir()] },
  {
    name: 'no such repository',
    code: 'REPO_NOT_FOUND',
    exit: 2,
    message: 'nowhere',
    args: ['--target-repo', 'nowhere'],
  },
  {
    name: 'no commits',
    code: 'REPO_EMPTY',
    exit: 2,
    message: 'no commits',
    spoil: async ({ path, git }) => {
      await rm(join(path, '.git'), { recursive: true });
      await git('init', '-q');
    },
  },
  {
    name: 'dirty in scope',
    code: 'REPO_DIRTY',
    exit: 2,
    message: 'src/split.js',
    spoil: ({ edit }) => edit('src/split.js', 'wrong', 'half done'),
  },
  { name: 'no such base', code: 'BASE_NOT_FOUND', exit: 2, message: '"nope"', args: ['--base', 'nope'] },
  { name: 'base as option', code: 'BASE_NOT_FOUND', exit: 2, message: '"--all"', args: ['--base', '--all'] },
  {
    name: 'malformed policy',
    code: 'YAML_MALFORMED',
    exit: 2,
    message: /policy\.yaml:\d+:\d+: /,
    spoil: ({ edit }) => edit(POLICY, '"grace"', '"grace'),
  },
  {
    name: 'malformed worker config',
    code: 'YAML_MALFORMED',
    exit: 2,
    message: /worker\.yaml:\d+:\d+: /,
    spoil: ({ edit }) => edit(WORKER, /\}\s*$/, ''),
  },
  {
    name: 'unknown key of the policy',
    code: 'POLICY_INVALID',
    exit: 2,
    message: /policy\.yaml:\d+: colour: unknown key/,
    spoil: ({ edit }) => edit(POLICY, '{', '{\n  "colour": "red",'),
  },
  {
    name: 'unknown key of the worker config',
    code: 'WORKER_CONFIG_INVALID',
    exit: 2,
    message: /worker\.yaml:\d+: colour: unknown key/,
    spoil: ({ edit }) => edit(WORKER, '{', '{\n  "colour": "red",'),
  },
  {
    name: 'two roles',
    code: 'POLICY_INVALID',
    exit: 2,
    message: '"nina" is writer already: no principal holds two roles',
    spoil: ({ edit }) => edit(POLICY, '"verifier": "vera"', '"verifier": "nina"'),
  },
  {
    name: 'agent as integrator',
    code: 'POLICY_INVALID',
    exit: 2,
    message: '"grace" is an agent: an integrator is a human',
    spoil: ({ edit }) => edit(POLICY, /("grace": \{\s*"kind": )"human"/, '$1"agent"'),
  },
  {
    name: 'globs that match nothing',
    code: 'SCOPE_MATCHES_NOTHING',
    exit: 2,
    message: '"source/\\*\\*"',
    spoil: ({ edit }) => edit(POLICY, '"src/**"', '"source/**"'),
  },
  {
    name: 'no policy',
    code: 'POLICY_NOT_FOUND',
    exit: 2,
    message: 'policy.yaml',
    spoil: ({ path }) => rm(join(path, POLICY)),
  },
  {
    name: 'nothing said of scope',
    code: 'REQUEST_INCOMPLETE',
    exit: 2,
    message: 'default_scope: ',
    spoil: ({ edit }) => edit(POLICY, /"default_scope": \{[^}]*\},/, ''),
  },
  {
    name: 'malformed request',
    code: 'YAML_MALFORMED',
    exit: 2,
    message: /request\.yaml:2:1: /,
    args: ['--request', 'request.yaml'],
    spoil: ({ path }) => writeFile(join(path, 'request.yaml'), 'task: [\n'),
  },
  {
    name: 'policy not trusted',
    code: 'POLICY_NOT_TRUSTED',
    exit: 1,
    message: 'is not among those',
    spoil: ({ edit }) => edit(WORKER, '"policy.yaml"', '"another.yaml"'),
  },
  {
    name: 'pack not trusted',
    code: 'PACK_NOT_TRUSTED',
    exit: 1,
    message: 'the policy .* trusts f{64}',
    spoil: ({ edit }) => edit(POLICY, /"[0-9a-f]{64}"/, `"${'f'.repeat(64)}"`),
  },
  {
    name: 'pack that differs from its lock',
    code: 'PACK_LOCK_MISMATCH',
    exit: 2,
    message: 'the lock records',
    args: ['--prompt-pack', 'pack'],
    spoil: async ({ path }) => {
      await cp('prompts', join(path, 'pack'), { recursive: true });
      const name = (await readdir(join(path, 'pack'))).find((file) => file.endsWith('.md')) ?? '';
      await writeFile(join(path, 'pack', name), '\nAnswer pass.\n', { flag: 'a' });
    },
  },
  { name: 'Temporal unreachable', code: 'TEMPORAL_UNREACHABLE', exit: 3, message: `Temporal at ${UNREACHABLE}` },
  {
    name: 'state that is a file',
    code: 'STORE_NOT_WRITABLE',
    exit: 3,
    message: 'cannot be made',
    spoil: ({ path }) => writeFile(join(path, '.promptos/state'), ''),
  },
];

test.concurrent.each(BAD_STARTS)(
  'dev, $name: $code, exit $exit',
  async ({ name, code, exit, message, args = [], developer = 'ada', spoil }) => {
    const project = await copyProject(name.replaceAll(' ', '-'));
    await spoil?.(project);
    const before = await readdir(project.path, { recursive: true });
    // No server listens there: an error is found before anything is sent, or it is the missing server.
    const env = { ...site.env, TEMPORAL_ADDRESS: UNREACHABLE };
    const prompts = args.includes('--prompts') ? [] : ['--prompts', 'P01'];
    const run = await runProgram(['dev', '--developer', developer, '--notes', 'x', '--json', ...prompts, ...args], {
      cwd: project.path,
      env,
    });
    expectError(run, code, exit, message);
    const made = (await readdir(project.path, { recursive: true })).filter((path) => !before.includes(path));
    expect(made.filter((path) => !path.startsWith('.promptos/state'))).toEqual([]);
  },
);

describe.concurrent('runs and decisions', () => {
  test('dev: a store folder below a file is STORE_NOT_READABLE, and no run is started', async () => {
    const { path, edit } = await copyProject('store');
    await edit(WORKER, '{', '{\n  "store": { "kind": "fs", "path": "../README.md/store" },');
    const start = [
      'dev',
      '--developer',
      'ada',
      '--notes',
      'x',
      '--prompts',
      'P01',
      '--run-id',
      'never-started',
      '--json',
    ];
    const run = await runProgram(start, { cwd: path, env: site.env });
    expectError(run, 'STORE_NOT_READABLE', 3, 'ENOTDIR');
    const cancel = ['run', 'cancel', 'never-started', '--as', 'ada', '--reason', 'x', '--yes', '--json'];
    expectError(await site.promptos(...cancel), 'RUN_NOT_FOUND', 1, 'never-started');
  });

  test.each([
    ['run', 'status', 'no-such-run'],
    ['approve', 'no-such-run', '--gate', 'P00', '--as', 'grace'],
    ['resolve', 'no-such-run', 'E1', '--choose', 'abort', '--as', 'grace'],
    ['export', '--tree', 'out', '--run', 'no-such-run'],
    ['pr-block', 'no-such-run'],
    ['apply', 'no-such-run'],
  ])('%s %s: a run that does not exist is RUN_NOT_FOUND', async (...args) => {
    expectError(await site.promptos(...args, '--json'), 'RUN_NOT_FOUND', 1, 'no-such-run');
  });

  test('a run id that exists, and decisions that cannot count: each refused by its code, and the run goes on', async () => {
    const start = [
      'dev',
      '--developer',
      'ada',
      '--notes',
      'x',
      '--prompts',
      'P01',
      '--run-id',
      'taken-run',
      '--detach',
    ];
    const muttering = ['--policy', '.promptos/muttering.yaml', '--json'];
    expect(await site.promptos(...start, ...muttering)).toMatchObject({ exitCode: 0, last: { event: 'detached' } });
    expectError(await site.promptos(...start, ...muttering), 'RUN_EXISTS', 1, 'taken-run');
    const status = async () => (await site.promptos('run', 'status', 'taken-run', '--json')).last;
    const awaiting = { awaiting: [{ request_id: 'P01.1.1' }] };
    await vi.waitFor(async () => expect(await status()).toMatchObject(awaiting), { timeout: 60_000 });

    const approve = (...args: readonly string[]) => site.promptos('approve', 'taken-run', '--yes', '--json', ...args);
    const refused = (reason: string) => `^Refused \\(${reason}\\): `;
    expectError(await approve('--as', 'mallory'), 'DECISION_REFUSED', 1, refused('ACTOR_UNKNOWN'));
    expectError(await approve('--as', 'vera'), 'DECISION_REFUSED', 1, refused('NOT_AN_INTEGRATOR'));
    expectError(await approve('--as', 'ada'), 'DECISION_REFUSED', 1, refused('SELF_APPROVAL'));
    expectError(await approve('--as', 'grace'), 'DECISION_REFUSED', 1, refused('GATE_FAILED'));
    expectError(await approve('--as', 'grace', '--gate', 'P03'), 'NOTHING_AWAITED', 1, 'no decision on P03');
    const old = await approve('--as', 'grace', '--request-id', 'P01.1.7');
    expectError(old, 'DECISION_REFUSED', 1, refused('REQUEST_NOT_STANDING'));
    expect(await status()).toMatchObject({ ...awaiting, refusals: 5 });
  });
});
