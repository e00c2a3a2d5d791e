import { mkdir, mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { execa } from 'execa';
import { afterAll, beforeAll, expect, onTestFinished, test, vi } from 'vitest';
import { createCheckRunner } from '../../../src/adapters/checks/check-runner.js';
import { createFileSigner } from '../../../src/adapters/keys/file-signer.js';
import { createWorkerSigners } from '../../../src/adapters/keys/worker-signers.js';
import type { InitQuestions } from '../../../src/cli/start/first-people.js';
import { initCommand } from '../../../src/cli/start/start-commands.js';
import { builtInPackDir } from '../../../src/config/pack-folder.js';
import { createTrustRegistry, readPolicy } from '../../../src/config/policy-file.js';
import { readPromptPack } from '../../../src/config/prompt-pack.js';
import { readWorkerConfig } from '../../../src/config/worker-config-file.js';
import { type PublicKey, publicKeyLine, readPublicKeyLine } from '../../../src/domain/attest/public-keys.js';
import { makeTestKey } from '../../support/signing.js';
import { pathWithBubblewrap } from '../../support/stand-in-bubblewrap.js';
import { type Invocation, type InvocationOptions, invoke } from '../recorded-context.js';

/** The machine has a sandbox, whatever this machine has. */
let standIns: string;
beforeAll(async () => {
  standIns = await mkdtemp(join(tmpdir(), 'promptos-init-path-'));
  vi.stubEnv('PATH', await pathWithBubblewrap('works', standIns));
});
afterAll(async () => {
  vi.unstubAllEnvs();
  await rm(standIns, { recursive: true, force: true });
});

async function folder(): Promise<string> {
  const path = await mkdtemp(join(tmpdir(), 'promptos-init-'));
  onTestFinished(() => rm(path, { recursive: true, force: true }));
  return path;
}

/** A git repository with these files. */
async function repository(files: Readonly<Record<string, string>> = {}, userName = 'Ada Lovelace'): Promise<string> {
  const top = join(await folder(), 'repository');
  await mkdir(top);
  await execa('git', ['init', '-q', '-b', 'main'], { cwd: top });
  await execa('git', ['config', 'user.name', userName], { cwd: top });
  await execa('git', ['config', 'user.email', 'ada@example.org'], { cwd: top });
  for (const [path, text] of Object.entries(files)) {
    await mkdir(dirname(join(top, path)), { recursive: true });
    await writeFile(join(top, path), text);
  }
  return top;
}

/** Answers in order; asked more often, it throws. */
function scriptedQuestions(
  answers: {
    alone?: (boolean | null)[];
    integrator?: (string | null)[];
    publicKey?: (string | null)[];
    chooseKey?: (string | null)[];
    keepKeyHere?: (boolean | null)[];
    passphrase?: string[];
  } = {},
): InitQuestions {
  const next = <T>(script: T[] | undefined, question: string): T => {
    if (script === undefined || script.length === 0)
      throw new Error(`asked about ${question} more often than scripted`);
    return script.shift() as T;
  };
  return {
    alone: async () => next(answers.alone, 'being alone'),
    integrator: async () => next(answers.integrator, 'the integrator'),
    publicKey: async () => next(answers.publicKey, "the integrator's public key"),
    chooseKey: async () => next(answers.chooseKey, 'which key it is'),
    keepKeyHere: async () => next(answers.keepKeyHere, 'a key on this machine'),
    passphrase: async (message) => next(answers.passphrase, message),
  };
}

/** Where people's keys are in these tests: beside the repository, never in the home folder of the user who runs them. */
const ownKeys = (top: string): string => join(dirname(top), 'own-keys');

const init = (args: string[], options: InvocationOptions, questions = scriptedQuestions()) => {
  const env = { ...process.env, PROMPTOS_KEYS_DIR: ownKeys(options.cwd), ...options.env };
  return invoke((context) => initCommand(context, questions), args, { ...options, env });
};

const written = async (top: string) => ({
  ...(await readPolicy(join(top, '.promptos', 'policy.yaml'))),
  config: await readWorkerConfig(join(top, '.promptos', 'worker.yaml')),
});

const PACKAGE = JSON.stringify({ scripts: { test: 'node --test' } });

const NODE_REPORT = '--test-reporter=junit --test-reporter-destination=promptos-test-report.xml';
const NODE_TESTS = ['sh', '-c', `NODE_OPTIONS="${NODE_REPORT}" npm test`];
const VITEST_REPORT = '--reporter=default --reporter=junit --outputFile.junit=promptos-test-report.xml';
const PYTEST = ['python3', '-m', 'pytest', '--junitxml=promptos-test-report.xml'];

const kinds: [string, Record<string, string>, string[], string[]][] = [
  ['npm', { 'package.json': PACKAGE, 'src/a.js': '', 'test/a.test.js': '' }, NODE_TESTS, ['src/**', 'test/**']],
  [
    'npm with dependencies and a lock',
    {
      'package.json': JSON.stringify({ scripts: { test: 'vitest' }, devDependencies: { vitest: '4' } }),
      'package-lock.json': '{}',
    },
    ['sh', '-c', `npm test -- ${VITEST_REPORT}`],
    ['**'],
  ],
  [
    'pnpm',
    {
      'package.json': JSON.stringify({ scripts: { test: 'x' }, dependencies: { a: '1' } }),
      'pnpm-lock.yaml': '',
      'lib/a.ts': '',
      'index.ts': '',
    },
    ['pnpm', 'test'],
    ['lib/**', '*.ts'],
  ],
  [
    'pytest',
    { 'pyproject.toml': '[project]\nname = "x"\n', 'shop/__init__.py': '', 'tests/test_a.py': '', 'setup.py': '' },
    PYTEST,
    ['shop/**', 'tests/**'],
  ],
  ['pytest by its own file', { 'pytest.ini': '[pytest]\n', 'a.py': '' }, PYTEST, ['*.py']],
  [
    'go',
    { 'go.mod': 'module x\n', 'main.go': '', 'cmd/x/main.go': '' },
    ['go', 'test', '-json', './...'],
    ['cmd/**', '*.go'],
  ],
  [
    'cargo',
    { 'Cargo.toml': '[package]\n', 'Cargo.lock': '', 'src/lib.rs': '' },
    ['sh', '-c', 'RUSTUP_HOME="$(dirname "$(command -v cargo)")/../../.rustup" cargo test --locked'],
    ['src/**'],
  ],
  ['maven', { 'pom.xml': '<project/>', 'src/main/java/A.java': '' }, ['mvn', '-B', 'test'], ['src/**']],
  ['maven with a wrapper', { 'pom.xml': '<project/>', mvnw: '' }, ['./mvnw', '-B', 'test'], ['**']],
  ['gradle', { 'build.gradle.kts': '', gradlew: '' }, ['./gradlew', '--no-daemon', 'test'], ['**']],
  ['make', { Makefile: 'CC := cc\n\ntest: all\n\t./run\n', 'src/a.c': '' }, ['make', 'test'], ['src/**']],
];

test.each(kinds)('init: the files that it writes load, for %s', async (_, files, argv, scope) => {
  const top = await repository(files);
  await init(['--not-alone', '--integrator', 'grace'], { cwd: top });
  const { policy, sha256, config } = await written(top);
  expect(policy.checks.tests).toMatchObject({ argv, timeout: 1_200_000 });
  expect(policy.checks.tests?.made_of.length).toBeGreaterThan(1);
  expect(policy).toMatchObject({
    default_checks: ['tests'],
    default_scope: { allow: scope, deny: [] },
    protected_paths: ['.promptos/**'],
  });
  expect(policy).toMatchObject({ self_approval: 'refused', roles: { writer: 'writer-agent', integrator: ['grace'] } });
  expect(policy.principals).toMatchObject({ 'ada-lovelace': { kind: 'human' }, grace: { kind: 'human' } });
  expect(policy).toMatchObject({ decisions: { authentication: 'required' }, attestations: 'required' });
  expect(policy.prompt_packs).toEqual([(await readPromptPack(builtInPackDir())).digest]);
  expect(Object.values(config.repositories)).toEqual([{ path: top }]);
  expect(await createTrustRegistry(config).trustedPolicies()).toEqual(new Set([sha256]));
  expect(config).toMatchObject({ checks: { allow: ['tests'] }, executors: {} });
});

test.each([
  ['npm', { 'package.json': PACKAGE }, ['./package.json'], ['./package-lock.json', './.npmrc']],
  ['pnpm', { 'package.json': PACKAGE, 'pnpm-lock.yaml': '' }, ['./package.json', './pnpm-lock.yaml'], ['./.npmrc']],
  ['pytest', { 'pytest.ini': '', 'setup.py': '' }, ['./setup.py'], ['./pytest.ini', './setup.cfg', '**/conftest.py']],
  ['go', { 'go.mod': 'module x\n', 'vendor/modules.txt': '' }, ['**/go.mod', '**/go.sum', 'vendor/**'], ['./go.work']],
  ['cargo', { 'Cargo.toml': '[package]\n' }, ['**/Cargo.toml'], ['./Cargo.lock', '.cargo/**', '**/build.rs']],
  ['maven', { 'pom.xml': '<project/>' }, ['**/pom.xml'], ['.mvn/**']],
  ['make', { Makefile: 'test:\n\ttrue\n' }, ['./Makefile'], ['./GNUmakefile', './makefile', '**/*.mk']],
])(
  'init: manifests that exist are protected like tests, others are out of scope, for %s',
  async (_, files, tests, out) => {
    const top = await repository(files as Record<string, string>);
    await init(['--alone'], { cwd: top });
    const { policy } = await written(top);
    const made_of = policy.checks.tests?.made_of ?? [];
    expect(policy.protected_tests).toEqual(expect.arrayContaining(tests));
    expect(made_of).toEqual(expect.arrayContaining(out));
    expect(made_of.filter((glob) => policy.protected_tests.includes(glob))).toEqual([]);
  },
);

/** Runs a check of the written policy as the engine does: in another checkout, with a HOME of its own. */
async function runCheck(top: string) {
  const { policy, config } = await written(top);
  const { argv, timeout } = policy.checks.tests ?? { argv: [], timeout: 0 };
  const runner = createCheckRunner({ allow: config.checks.allow, env: process.env });
  const call = { name: 'tests', argv, timeout_ms: timeout, directory: top, signal: new AbortController().signal };
  return runner.run(call);
}

const available = (program: string) =>
  execa(program, ['--version'], { reject: false }).then(({ exitCode }) => exitCode === 0);

test.for<[string, Record<string, string>, Record<string, string>]>([
  [
    'npm',
    {
      'package.json': PACKAGE,
      'test/a.test.js': "require('node:test')('a', () => { if (1 + 1 !== 2) throw new Error(); });\n",
    },
    { 'test/a.test.js': "require('node:test')('a', () => { throw new Error(); });\n" },
  ],
  ['make', { Makefile: 'test:\n\ttest -f good\n', good: '' }, { Makefile: 'test:\n\ttest -f bad\n' }],
  [
    'cargo',
    {
      'Cargo.toml': '[package]\nname = "x"\nversion = "0.1.0"\nedition = "2021"\n',
      'src/lib.rs': '#[test]\nfn a() {}\n',
    },
    { 'src/lib.rs': '#[test]\nfn a() { panic!() }\n' },
  ],
])('init: the check that it writes really passes and really fails, for %s', async ([program, good, bad], { skip }) => {
  skip(!(await available(program)), `${program} is not installed`);
  const top = await repository(good);
  await init(['--alone'], { cwd: top });
  expect(await runCheck(top)).toMatchObject({ status: 'passed', exit_code: 0 });
  for (const [path, text] of Object.entries(bad)) await writeFile(join(top, path), text);
  expect((await runCheck(top)).status).toBe('failed');
});

test('init: several kinds give several checks', async () => {
  const top = await repository({ 'package.json': PACKAGE, 'go.mod': 'module x\n', Makefile: 'check:\n\ttrue\n' });
  await init(['--alone'], { cwd: top });
  const { policy, config } = await written(top);
  expect(Object.keys(policy.checks)).toEqual(['npm-tests', 'go-tests', 'make-tests']);
  expect(policy.checks['make-tests']?.argv).toEqual(['make', 'check']);
  expect(policy.default_checks).toEqual(config.checks.allow);
});

test.each([
  ['nothing is there', {}],
  [
    'npm has only its placeholder',
    { 'package.json': '{"scripts":{"test":"echo \\"Error: no test specified\\" && exit 1"}}' },
  ],
  ['package.json is no JSON', { 'package.json': '{' }],
  ['the Makefile only sets a variable of that name', { Makefile: 'test := 1\n' }],
  ['there is Python without tests', { 'pyproject.toml': '', 'a.py': '' }],
])('init: no check and a plain word about it, when %s', async (_, files) => {
  const top = await repository(files);
  const { stdout } = await init(['--alone'], { cwd: top });
  expect((await written(top)).policy).toMatchObject({ checks: {}, default_checks: [] });
  expect(stdout).toContain('No test command was found');
});

test('init: the executors that are commented out load once the marks are taken away', async () => {
  const top = await repository();
  await init(['--alone'], { cwd: top });
  const path = join(top, '.promptos', 'worker.yaml');
  const text = await readFile(path, 'utf8');
  await writeFile(path, text.replace(/^# (executors:| {2}.*)$/gm, '$1'));
  const { executors } = await readWorkerConfig(path);
  expect(Object.keys(executors)).toEqual(['writer-agent', 'verifier-agent', 'reviewer-agent']);
  expect(executors['writer-agent']).toMatchObject({ argv: ['my-agent', '--print'], answer: { fence: 'json' } });
});

test('init: without a sandbox on the machine it writes the same config, and says what to install or to write', async () => {
  const [one, two] = [await repository(), await repository()];
  const there = await init(['--alone'], { cwd: one });
  const PATH = await pathWithBubblewrap('broken', join(await folder(), 'bin'));
  const missing = await init(['--alone'], { cwd: two, env: { PATH } });
  expect(there.stderr).not.toContain('NO SANDBOX');
  expect(missing.stderr).toContain('warning: NO SANDBOX: bubblewrap cannot make a sandbox here: bwrap: No permissions');
  expect(missing.stderr).toContain('Or write `sandbox: none` in worker.yaml');
  for (const top of [one, two]) expect((await written(top)).config.sandbox).toMatchObject({ readable: [] });
});

test('init: --alone makes the developer the integrator and allows self-approval', async () => {
  const top = await repository();
  await init(['--alone', '--developer', 'Zoë Ångström'], { cwd: top });
  expect((await written(top)).policy).toMatchObject({
    self_approval: 'allowed',
    roles: { integrator: ['zoe-angstrom'] },
    principals: { 'zoe-angstrom': { kind: 'human' } },
  });
});

test('init: without a terminal and without a word it takes the careful way, and says so', async () => {
  const top = await repository();
  const { stdout } = await init([], { cwd: top });
  const { policy } = await written(top);
  expect(policy).toMatchObject({ self_approval: 'refused', roles: { integrator: ['integrator'] } });
  expect(stdout).toContain('taken not to be alone');
  expect(stdout).toContain('--integrator NAME');
});

test('init: in a terminal it asks, and --yes asks nothing', async () => {
  const alone = await repository();
  await init([], { cwd: alone, terminal: true }, scriptedQuestions({ alone: [true], passphrase: ['abc', 'abc'] }));
  expect((await written(alone)).policy.self_approval).toBe('allowed');
  const team = await repository();
  const answers = {
    alone: [false],
    integrator: ['Grace Hopper'],
    publicKey: [''],
    keepKeyHere: [true],
    passphrase: ['abc', 'abc', 'def', 'def'],
  };
  await init([], { cwd: team, terminal: true }, scriptedQuestions(answers));
  expect((await written(team)).policy.roles.integrator).toEqual(['grace-hopper']);
  const quiet = await repository();
  await init(['--yes'], { cwd: quiet, terminal: true });
  expect((await written(quiet)).policy.self_approval).toBe('refused');
});

test('init: USAGE and nothing written, when the question is broken off', async () => {
  const top = await repository();
  const breaking = init([], { cwd: top, terminal: true }, scriptedQuestions({ alone: [null] }));
  await expect(breaking).rejects.toMatchObject({ code: 'USAGE' });
  expect(await readdir(top)).toEqual(['.git']);
});

test.each([
  ['the integrator is the developer', ['--integrator', 'ada-lovelace']],
  ['--alone comes with another integrator', ['--alone', '--integrator', 'grace']],
  ['a human has the name of an agent', ['--alone', '--developer', 'writer-agent']],
  ['a human is called as the engine', ['--alone', '--developer', 'Engine']],
  ['a name has nothing that can be typed', ['--alone', '--developer', '!!!']],
])('init: USAGE and nothing written, when %s', async (_, args) => {
  const top = await repository();
  await expect(init(args, { cwd: top })).rejects.toMatchObject({ code: 'USAGE', exitCode: 2 });
  expect(await readdir(top)).toEqual(['.git']);
});

test('init: a git name that cannot be typed gives way to the mail address', async () => {
  const top = await repository({}, '花子');
  await init(['--alone'], { cwd: top });
  expect((await written(top)).policy.roles.integrator).toEqual(['ada']);
});

test.each(['123', 'true', 'null', '1e5', '0x1F', '1.2'])(
  'init: a name that YAML would not take for text loads: %s',
  async (name) => {
    const top = await repository();
    await init(['--alone', '--developer', name], { cwd: top });
    expect((await written(top)).policy.roles.integrator).toEqual([name]);
  },
);

test('init: REPO_NOT_GIT in a bare repository, which is not said to be none', async () => {
  const cwd = await folder();
  await execa('git', ['init', '-q', '--bare'], { cwd });
  await expect(init(['--alone'], { cwd })).rejects.toMatchObject({
    code: 'REPO_NOT_GIT',
    summary: `${cwd} is in no git repository with a working tree.`,
  });
});

test('init: REPO_NOT_GIT, outside a repository', async () => {
  await expect(init(['--alone'], { cwd: await folder() })).rejects.toMatchObject({ code: 'REPO_NOT_GIT', exitCode: 2 });
});

test('init: from deep inside it writes at the top, names the repository by its remote, and lets git ignore the state', async () => {
  const top = await repository({ 'src/deep/a.js': '' });
  await execa('git', ['remote', 'add', 'origin', 'git@example.org:team/Bill Splitter.git'], { cwd: top });
  await init(['--alone'], { cwd: join(top, 'src', 'deep'), env: { PROMPTOS_KEYS_DIR: ownKeys(top) } });
  expect((await written(top)).config.repositories).toEqual({ 'bill-splitter': { path: top } });
  await writeFile(join(top, '.promptos', 'state', 'x'), '');
  const { stdout } = await execa('git', ['status', '--porcelain', '-uall', '.promptos'], { cwd: top });
  expect(stdout.split('\n')).toEqual([
    '?? .promptos/.gitignore',
    '?? .promptos/policy.yaml',
    '?? .promptos/worker.yaml',
  ]);
});

test('init: FILE_EXISTS and nothing changed, unless --force is given', async () => {
  const top = await repository({ '.promptos/policy.yaml': 'mine', '.promptos/.gitignore': 'secret' });
  await expect(init(['--alone'], { cwd: top })).rejects.toMatchObject({ code: 'FILE_EXISTS', exitCode: 2 });
  expect(await readFile(join(top, '.promptos', 'policy.yaml'), 'utf8')).toBe('mine');
  await expect(stat(join(top, '.promptos', 'worker.yaml'))).rejects.toThrow();
  await init(['--alone', '--force'], { cwd: top });
  expect((await written(top)).policy.self_approval).toBe('allowed');
  expect(await readFile(join(top, '.promptos', '.gitignore'), 'utf8')).toBe('secret\nstate/\nkeys/\n');
  expect((await readdir(join(top, '.promptos'))).sort()).toEqual([
    '.gitignore',
    'keys',
    'policy.yaml',
    'state',
    'worker.yaml',
  ]);
  await init(['--alone', '--force'], { cwd: top });
  expect(await readFile(join(top, '.promptos', '.gitignore'), 'utf8')).toBe('secret\nstate/\nkeys/\n');
});

test('init: PROMPTOS_HOME says where the files go', async () => {
  const [top, home] = [await repository(), await folder()];
  await init(['--alone'], { cwd: top, env: { PROMPTOS_HOME: home } });
  expect(Object.values((await readWorkerConfig(join(home, 'worker.yaml'))).repositories)).toEqual([{ path: top }]);
});

test('init: --json gives one object', async () => {
  const top = await repository({ 'package.json': PACKAGE });
  const { objects } = await init(['--alone'], { cwd: top, json: true });
  expect(objects).toEqual([
    expect.objectContaining({
      policy: join(top, '.promptos', 'policy.yaml'),
      developer: 'ada-lovelace',
      self_approval: 'allowed',
      checks: [{ name: 'tests', argv: NODE_TESTS }],
    }),
  ]);
});

/** What `--json` reports of keys. */
const keysOf = ({ objects }: Invocation) => {
  const [report] = objects as unknown as [{ keys: { name: string; made: boolean }[]; warnings: string[] }];
  return report;
};

/** The key that the written policy has for a name, or for the engine. */
async function listedKey(top: string, name: string): Promise<PublicKey | null> {
  const { policy } = await written(top);
  const [key] = name === 'engine' ? policy.engine.keys : (policy.principals[name]?.keys ?? []);
  return readPublicKeyLine(key?.public ?? '');
}

const refuse = () => Promise.reject(new Error('asked for a passphrase'));
const WORKERS = ['writer-agent', 'verifier-agent', 'reviewer-agent', 'engine'];

test('init: everybody with a duty gets a key of their own, the policy has its public half, and the worker opens its own', async () => {
  const top = await repository();
  await init(['--not-alone', '--integrator', 'grace'], { cwd: top });
  const { config } = await written(top);
  const signers = await createWorkerSigners(config, {});
  const keyids = new Set<string>();
  for (const name of [...WORKERS, 'ada-lovelace', 'grace']) {
    const listed = await listedKey(top, name);
    const folder = WORKERS.includes(name) ? join(top, '.promptos', 'keys') : ownKeys(top);
    const path = join(folder, `${name}.pem`);
    expect((await stat(path)).mode & 0o777).toBe(0o600);
    const signer = WORKERS.includes(name)
      ? name === 'engine'
        ? signers.forEngine()
        : signers.forPrincipal(name)
      : await createFileSigner(path, { passphrase: refuse });
    expect(signer?.keyid).toBe(listed?.keyid);
    keyids.add(signer?.keyid ?? '');
  }
  expect(keyids.size).toBe(6);
});

test('init: no key is within reach of `git add`, also where .gitignore says something else already', async () => {
  const top = await repository({ '.promptos/.gitignore': 'secret' });
  await init(['--alone'], { cwd: top });
  await execa('git', ['add', '--all'], { cwd: top });
  const { stdout } = await execa('git', ['ls-files', '.promptos'], { cwd: top });
  expect(stdout.split('\n')).toEqual(['.promptos/.gitignore', '.promptos/policy.yaml', '.promptos/worker.yaml']);
});

test("init: in a terminal the passphrase of each person's key is asked for, and the key opens with it alone", async () => {
  const top = await repository();
  const questions = scriptedQuestions({
    publicKey: [''],
    keepKeyHere: [true],
    passphrase: ['six words', 'six words', 'other words', 'other words'],
  });
  const { stderr } = await init(['--not-alone', '--integrator', 'grace'], { cwd: top, terminal: true }, questions);
  expect(stderr).not.toContain('NO PASSPHRASE');
  const open = (name: string, text: string) =>
    createFileSigner(join(ownKeys(top), `${name}.pem`), { passphrase: async () => text });
  expect((await open('ada-lovelace', 'six words')).keyid).toBe((await listedKey(top, 'ada-lovelace'))?.keyid);
  expect((await open('grace', 'other words')).keyid).toBe((await listedKey(top, 'grace'))?.keyid);
  await expect(open('grace', 'six words')).rejects.toMatchObject({ code: 'KEY_LOCKED' });
});

test('init: USAGE and nothing written, when the two passphrases differ', async () => {
  const top = await repository();
  const questions = scriptedQuestions({ passphrase: ['one', 'two'] });
  await expect(init(['--alone'], { cwd: top, terminal: true }, questions)).rejects.toMatchObject({ code: 'USAGE' });
  expect(await readdir(top)).toEqual(['.git']);
  await expect(stat(ownKeys(top))).rejects.toThrow();
});

test('init: without a terminal the passphrase is that of PROMPTOS_PASSPHRASE_FILE', async () => {
  const top = await repository();
  const file = join(dirname(top), 'passphrase');
  await writeFile(file, 'from a file\n', { mode: 0o600 });
  const { stderr, objects } = await init(['--alone'], {
    cwd: top,
    json: true,
    env: { PROMPTOS_PASSPHRASE_FILE: file },
  });
  expect(stderr).not.toContain('NO PASSPHRASE');
  expect(objects[0]).toMatchObject({ warnings: [] });
  const signer = await createFileSigner(join(ownKeys(top), 'ada-lovelace.pem'), {
    passphrase: async () => 'from a file',
  });
  expect(signer.keyid).toBe((await listedKey(top, 'ada-lovelace'))?.keyid);
});

test.each([
  ['there is neither a terminal nor a file', [], false],
  ['--no-passphrase says so in a terminal', ['--no-passphrase'], true],
  ['--yes asks nothing in a terminal', ['--yes'], true],
])('init: warns of a key without a passphrase, when %s', async (_, args, terminal) => {
  const top = await repository();
  const { stderr } = await init(['--alone', ...args], { cwd: top, terminal });
  expect(stderr).toMatch(/^warning: NO PASSPHRASE: the key of ada-lovelace has no passphrase\. /);
});

test("init: a team's integrator whose key is made here: says that it is to be handed over or replaced", async () => {
  const top = await repository();
  const result = await init(['--not-alone', '--integrator', 'grace'], { cwd: top, json: true });
  const { stderr } = result;
  const path = join(ownKeys(top), 'grace.pem');
  expect(stderr).toContain(`warning: The private key of grace is on this machine, in ${path}`);
  expect(stderr).toContain('anyone with access to your account can decide as grace');
  expect(keysOf(result).warnings).toHaveLength(2);
});

test("init: --integrator-key takes the integrator's own public key, and makes none", async () => {
  const top = await repository();
  const { line, key } = makeTestKey();
  const result = await init(['--integrator', 'grace', '--integrator-key', `${line} grace@laptop`], {
    cwd: top,
    json: true,
  });
  expect(await listedKey(top, 'grace')).toEqual(key);
  expect((await readdir(ownKeys(top))).sort()).toEqual(['ada-lovelace.pem', 'ada-lovelace.pub']);
  expect(result.stderr).not.toContain('is on this machine');
  expect(keysOf(result).keys.at(-1)).toEqual({
    name: 'grace',
    path: null,
    public: line,
    keyid: key.keyid,
    passphrase: null,
    made: false,
  });
});

test.each([
  ['a damaged line', 'ssh-ed25519 AAAA', 'KEY_NOT_READABLE'],
  ['a key of another type', 'ssh-rsa AAAAB3NzaC1yc2E=', 'KEY_NOT_READABLE'],
  ['a key with a second line', `${makeTestKey().line}\nprincipals: {}`, null],
])('init: --integrator-key with %s', async (_, line, code) => {
  const top = await repository();
  const run = init(['--integrator', 'grace', '--integrator-key', line], { cwd: top });
  if (code !== null) {
    await expect(run).rejects.toMatchObject({ code });
    expect(await readdir(top)).toEqual(['.git']);
    return;
  }
  await run;
  expect((await written(top)).policy.principals.grace?.keys).toEqual([{ public: `${line.split('\n')[0]} grace` }]);
});

test('init: keys that are there are used as they are, and none is ever replaced', async () => {
  const top = await repository();
  await init(['--not-alone', '--integrator', 'grace'], { cwd: top });
  const paths = [
    ...WORKERS.map((name) => join(top, '.promptos', 'keys', `${name}.pem`)),
    ...['ada-lovelace', 'grace'].map((name) => join(ownKeys(top), `${name}.pem`)),
  ];
  const before = await Promise.all(paths.map((path) => readFile(path, 'utf8')));
  const first = (await written(top)).sha256;
  const again = await init(['--not-alone', '--integrator', 'grace', '--force'], { cwd: top, json: true });
  expect(await Promise.all(paths.map((path) => readFile(path, 'utf8')))).toEqual(before);
  expect((await written(top)).sha256).toBe(first);
  expect(keysOf(again).keys.map(({ made }) => made)).toEqual(paths.map(() => false));
});

test('init: of several at once one writes its set-up, and the others take nothing of it away', async () => {
  const top = await repository();
  const all = await Promise.allSettled([1, 2, 3].map(() => init(['--alone', '--no-passphrase'], { cwd: top })));
  const refused = all.flatMap((one) => (one.status === 'rejected' ? [one.reason] : []));
  expect(refused).toMatchObject([{ code: 'FILE_EXISTS' }, { code: 'FILE_EXISTS' }]);
  const { policy } = await written(top);
  const names = Object.keys(policy.principals).filter((name) => name !== 'ada-lovelace');
  const files = [...names, 'engine'].flatMap((name) => [`${name}.pem`, `${name}.pub`]);
  expect((await readdir(join(top, '.promptos', 'keys'))).sort()).toEqual(files.sort());
  for (const name of names) {
    const line = await readFile(join(top, '.promptos', 'keys', `${name}.pub`), 'utf8');
    expect(policy.principals[name]?.keys).toEqual([{ public: line.trim() }]);
  }
  expect(await readFile(join(top, '.promptos', '.gitignore'), 'utf8')).toBe('state/\nkeys/\n');
});

test('init: an OpenSSH key that exists as the own one is taken', async () => {
  const top = await repository();
  await mkdir(ownKeys(top));
  const path = join(ownKeys(top), 'ada-lovelace.pem');
  await execa('ssh-keygen', ['-q', '-t', 'ed25519', '-N', 'a passphrase', '-C', '', '-f', path]);
  await init(['--alone'], { cwd: top });
  const key = await listedKey(top, 'ada-lovelace');
  expect(key === null ? '' : publicKeyLine(key)).toBe((await readFile(`${path}.pub`, 'utf8')).trim());
});

const refusedKeys: [string, string, (top: string) => Promise<unknown>][] = [
  [
    'a worker key has a passphrase',
    'KEY_LOCKED',
    async (top) => {
      const folder = join(top, '.promptos', 'keys');
      await mkdir(folder, { recursive: true });
      const path = join(folder, 'engine.pem');
      await execa('openssl', ['genpkey', '-algorithm', 'ed25519', '-aes256', '-pass', 'pass:abcd', '-out', path]);
    },
  ],
  [
    'the own key can be read by others',
    'KEY_NOT_READABLE',
    async (top) => {
      await mkdir(ownKeys(top));
      await writeFile(join(ownKeys(top), 'ada-lovelace.pem'), makeTestKey().pem, { mode: 0o644 });
    },
  ],
  [
    'there is a public key without its private key',
    'KEY_EXISTS',
    async (top) => {
      await mkdir(ownKeys(top));
      await writeFile(join(ownKeys(top), 'ada-lovelace.pub'), `${makeTestKey().line}\n`);
    },
  ],
];

test.each(refusedKeys)('init: nothing is written, when %s: %s', async (_, code, prepare) => {
  const top = await repository();
  await prepare(top);
  // Init never replaces a key: that is no next step.
  await expect(init(['--alone'], { cwd: top })).rejects.toMatchObject({
    code,
    message: expect.not.stringContaining('--force'),
  });
  await expect(stat(join(top, '.promptos', 'policy.yaml'))).rejects.toThrow();
  await expect(stat(join(top, '.promptos', '.gitignore'))).rejects.toThrow();
});

test('init: USAGE and nothing written, when developer and integrator would have one key', async () => {
  const top = await repository();
  await mkdir(ownKeys(top));
  const { pem, line } = makeTestKey();
  await writeFile(join(ownKeys(top), 'ada-lovelace.pem'), pem, { mode: 0o600 });
  const run = init(['--integrator', 'grace', '--integrator-key', line], { cwd: top });
  await expect(run).rejects.toMatchObject({ code: 'USAGE', message: expect.stringContaining('have the same key') });
  expect(await readdir(top)).toEqual(['.git']);
});

test('init: FILE_EXISTS for a policy that git has and a sparse checkout leaves out; nothing is written', async () => {
  const top = await repository({ 'src/a.js': '', '.promptos/policy.yaml': 'of the team\n' });
  await execa('git', ['add', '--all'], { cwd: top });
  await execa('git', ['commit', '-q', '-m', 'first'], { cwd: top });
  await execa('git', ['sparse-checkout', 'set', 'src'], { cwd: top });
  const refused = init(['--alone', '--no-passphrase'], { cwd: top });
  await expect(refused).rejects.toMatchObject({
    code: 'FILE_EXISTS',
    message: expect.stringContaining('git sparse-checkout add .promptos'),
  });
  expect(await readdir(top)).not.toContain('.promptos');
});
