import { createPublicKey } from 'node:crypto';
import { chmod, mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { execa } from 'execa';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { parse } from 'yaml';
import type { CommandContext } from '../../../src/cli/app/context.js';
import type { PassphraseQuestions } from '../../../src/cli/keys/keys.js';
import { keysCommand } from '../../../src/cli/keys/keys-command.js';
import { policyKeySchema } from '../../../src/contracts/keys.js';
import { type InvocationOptions, invoke } from '../recorded-context.js';

let cwd: string;
let keys: string;
beforeEach(async () => {
  cwd = await mkdtemp(join(tmpdir(), 'promptos-keys-'));
  keys = join(cwd, 'keys');
});
afterEach(() => rm(cwd, { recursive: true, force: true }));

/** Answers questions in turn; throws when the script runs out. */
function scriptedQuestions(script: readonly string[]): PassphraseQuestions & { readonly asked: string[] } {
  const left = [...script];
  const asked: string[] = [];
  return {
    asked,
    passphrase: async (message) => {
      asked.push(message);
      const next = left.shift();
      if (next === undefined) throw new Error(`no answer is scripted for "${message}"`);
      return next;
    },
  };
}

interface RunOptions extends Partial<InvocationOptions> {
  readonly questions?: PassphraseQuestions;
}

const run = (args: readonly string[], { questions = scriptedQuestions([]), env = {}, ...options }: RunOptions = {}) =>
  invoke((context: CommandContext) => keysCommand(context, questions), args, {
    cwd,
    env: { PROMPTOS_KEYS_DIR: keys, ...env },
    ...options,
  });
const refusal = (promise: Promise<unknown>) =>
  promise.then(
    () => Promise.reject(new Error('nothing was refused')),
    (error: { code: string; message: string }) => error,
  );
const generate = (name = 'grace') => run(['generate', '--for', name, '--no-passphrase', '--json'], { json: true });
const sshFingerprint = async (path: string) => (await execa('ssh-keygen', ['-l', '-f', path])).stdout.split(' ')[1];

test('keys generate: without a passphrase when that is said, with a warning', async () => {
  const { stdout, stderr } = await run(['generate', '--for', 'grace', '--no-passphrase']);
  const path = join(keys, 'grace.pem');
  const line = (await readFile(join(keys, 'grace.pub'), 'utf8')).trim();
  expect(stdout).toContain(`private key  ${path} (mode 0600, no passphrase)`);
  expect(stdout).toContain(`fingerprint  ${await sshFingerprint(join(keys, 'grace.pub'))}`);
  expect(stderr).toContain('warning: whatever runs as you can sign with this key');
  expect((await stat(path)).mode & 0o777).toBe(0o600);
  const policy = parse(stdout.split('Add to the policy:')[1] ?? '');
  expect(policy).toEqual({ principals: { grace: { kind: 'human', keys: [{ public: line }] } } });
  expect(policyKeySchema.parse(policy.principals.grace.keys[0])).toEqual({ public: line });
  const pem = await readFile(path, 'utf8');
  expect(pem).toMatch(/^-----BEGIN PRIVATE KEY-----\n/);
  expect(stdout + stderr).not.toContain(pem.split('\n')[1]);
});

test('keys generate: openssl and ssh-keygen agree about the public half', async () => {
  await generate();
  const { stdout } = await execa('openssl', ['pkey', '-in', join(keys, 'grace.pem'), '-pubout']);
  const { x = '' } = createPublicKey(stdout).export({ format: 'jwk' });
  const blob = (await readFile(join(keys, 'grace.pub'), 'utf8')).split(' ')[1] ?? '';
  expect(Buffer.from(blob, 'base64').subarray(-32).toString('base64url')).toBe(x);
});

test('keys generate: in a terminal a passphrase is asked for twice', async () => {
  const questions = scriptedQuestions(['geheim', 'geheim']);
  const { stdout, stderr } = await run(['generate', '--for', 'grace'], { terminal: true, questions });
  expect(questions.asked).toEqual(['Passphrase for the new key', 'The same again']);
  expect(stdout).toContain('with passphrase');
  expect(stdout + stderr).not.toContain('geheim');
  expect(stderr).toBe('');
  const path = join(keys, 'grace.pem');
  expect(await readFile(path, 'utf8')).toMatch(/^-----BEGIN ENCRYPTED PRIVATE KEY-----\n/);
  await execa('openssl', ['pkey', '-in', path, '-passin', 'pass:geheim', '-noout']);
});

test.each([
  ['the two differ', ['geheim', 'geheime'], 'The two passphrases differ'],
  ['it is empty', [''], 'Expected a passphrase, received none'],
])('keys generate: USAGE and no key, when %s', async (_, script, expected) => {
  const questions = scriptedQuestions(script);
  const error = await refusal(run(['generate', '--for', 'grace'], { terminal: true, questions }));
  expect(error).toMatchObject({ code: 'USAGE', summary: expect.stringContaining(expected) });
  expect(await readdir(cwd)).toEqual([]);
});

test('keys generate: USAGE without a terminal; PROMPTOS_PASSPHRASE_FILE helps', async () => {
  const error = await refusal(run(['generate', '--for', 'grace']));
  expect(error).toMatchObject({ code: 'USAGE' });
  expect(error.message).toContain('Name a file with PROMPTOS_PASSPHRASE_FILE, or say --no-passphrase.');
  await writeFile(join(cwd, 'passphrase'), 'geheim\n', { mode: 0o600 });
  const env = { PROMPTOS_PASSPHRASE_FILE: 'passphrase' };
  const { objects } = await run(['generate', '--for', 'grace', '--json'], { env, json: true });
  expect(objects).toEqual([
    {
      name: 'grace',
      path: join(keys, 'grace.pem'),
      public: (await readFile(join(keys, 'grace.pub'), 'utf8')).trim(),
      keyid: await sshFingerprint(join(keys, 'grace.pub')),
      passphrase: true,
      policy: expect.stringMatching(
        /^principals:\n {2}grace:\n {4}kind: human\n {4}keys:\n {6}- public: ssh-ed25519 AAAA\S+ grace$/,
      ),
    },
  ]);
  await execa('openssl', ['pkey', '-in', join(keys, 'grace.pem'), '-passin', 'pass:geheim', '-noout']);
});

test('keys generate: KEY_EXISTS before any question, --force replaces', async () => {
  await generate();
  const before = await readFile(join(keys, 'grace.pem'), 'utf8');
  const error = await refusal(run(['generate', '--for', 'grace'], { terminal: true }));
  expect(error).toMatchObject({ code: 'KEY_EXISTS', exitCode: 2 });
  expect(await readFile(join(keys, 'grace.pem'), 'utf8')).toBe(before);
  await run(['generate', '--for', 'grace', '--no-passphrase', '--force']);
  expect(await readFile(join(keys, 'grace.pem'), 'utf8')).not.toBe(before);
  expect(await readdir(keys)).toEqual(['grace.pem', 'grace.pub']);
});

test('keys generate: --out is relative to the current folder, and "engine" gets lines of its own', async () => {
  const args = ['generate', '--for', 'engine', '--no-passphrase', '--out', 'secrets/engine.pem', '--json'];
  const { objects } = await run(args, { json: true });
  expect(objects[0]?.path).toBe(join(cwd, 'secrets/engine.pem'));
  const line = (await readFile(join(cwd, 'secrets/engine.pub'), 'utf8')).trim();
  expect(parse(String(objects[0]?.policy))).toEqual({ engine: { keys: [{ public: line }] } });
});

test('keys generate: names that YAML takes for something else are quoted', async () => {
  const { objects } = await generate('0123');
  expect(Object.keys(parse(String(objects[0]?.policy)).principals)).toEqual(['0123']);
});

test.each(['', '../grace', 'a b', '.hidden'])('keys generate: USAGE, for the name "%s"', async (name) => {
  expect(await refusal(run(['generate', '--for', name, '--no-passphrase']))).toMatchObject({ code: 'USAGE' });
  expect(await readdir(cwd)).toEqual([]);
});

test('keys show and fingerprint: by name, by file, by public file, by line', async () => {
  await generate();
  const line = (await readFile(join(keys, 'grace.pub'), 'utf8')).trim();
  const keyid = await sshFingerprint(join(keys, 'grace.pub'));
  const bare = line.split(' ', 2).join(' ');
  for (const given of ['grace', 'keys/grace.pem', join(keys, 'grace.pub')]) {
    expect((await run(['show', given])).stdout).toBe(`${bare}\n${keyid}\n`);
    expect((await run(['fingerprint', given])).stdout).toBe(`${keyid}\n`);
  }
  expect((await run(['fingerprint', line])).stdout).toBe(`${keyid}\n`);
  expect((await run(['fingerprint', ...line.split(' ')])).stdout).toBe(`${keyid}\n`);
  const { objects } = await run(['show', 'grace', '--json'], { json: true });
  expect(objects).toEqual([{ path: join(keys, 'grace.pem'), public: bare, keyid, holds: 'private key' }]);
  expect((await run(['fingerprint', 'grace', '--json'], { json: true })).objects).toEqual([{ keyid }]);
});

test('keys show: a passphrase is only asked for when nothing else says the public half', async () => {
  await run(['generate', '--for', 'grace'], { terminal: true, questions: scriptedQuestions(['geheim', 'geheim']) });
  const { stdout } = await run(['show', 'grace']);
  await rm(join(keys, 'grace.pub'));
  expect(await refusal(run(['show', 'grace']))).toMatchObject({ code: 'KEY_LOCKED', exitCode: 2 });
  const questions = scriptedQuestions(['geheim']);
  expect((await run(['show', 'grace'], { terminal: true, questions })).stdout).toBe(stdout);
  const wrong = run(['show', 'grace'], {
    terminal: true,
    questions: scriptedQuestions(['falsch', 'falsch', 'falsch']),
  });
  expect(await refusal(wrong)).toMatchObject({ code: 'KEY_LOCKED' });
});

test.each([
  ['KEY_NOT_FOUND', ['show', 'nobody']],
  ['KEY_NOT_FOUND', ['fingerprint', './nobody.pem']],
  ['KEY_NOT_READABLE', ['fingerprint', 'ssh-ed25519 AAAAB3']],
  ['KEY_NOT_READABLE', ['fingerprint', 'ssh-rsa AAAAB3NzaC1yc2E']],
])('keys: %s, for %j', async (code, args) => {
  expect(await refusal(run(args))).toMatchObject({ code });
});

test.each(['ssh-ed25519 AAAAB3', 'ssh-rsa AAAAB3NzaC1yc2E'])(
  'keys fingerprint "%s": what to do fits a line',
  async (line) => {
    const { message } = await refusal(run(['fingerprint', line]));
    expect(message).toContain('the whole line of an Ed25519 key');
    expect(message).not.toContain('file');
  },
);

test('keys show: an unknown key leads to the list of keys, since the command has no --key', async () => {
  const refused = await refusal(run(['show', 'nobody']));
  expect(refused.message).toContain('promptos keys list');
  expect(refused.message).not.toContain('--key');
});

test('keys list: names the keys, those without a passphrase, and those that cannot be used', async () => {
  expect((await run(['list'])).stdout).toBe(`no keys in ${keys}\n`);
  await generate('ada');
  await run(['generate', '--for', 'grace'], { terminal: true, questions: scriptedQuestions(['geheim', 'geheim']) });
  await generate('open');
  await chmod(join(keys, 'open.pem'), 0o644);
  await run(['generate', '--for', 'x'], { terminal: true, questions: scriptedQuestions(['geheim', 'geheim']) });
  await rm(join(keys, 'x.pub'));
  const [ada, grace] = [await sshFingerprint(join(keys, 'ada.pub')), await sshFingerprint(join(keys, 'grace.pub'))];
  const { stdout } = await run(['list']);
  expect(stdout.split('\n')).toEqual([
    `ada    ${ada}  NO PASSPHRASE`,
    `grace  ${grace}  with passphrase`,
    expect.stringMatching(/^open {3}The key file \S+ has the mode 0644: .* Do `chmod 600 \S+`\.$/),
    'x      (locked)  with passphrase',
    '',
  ]);
  const { objects } = await run(['list', '--json'], { json: true });
  expect(objects).toMatchObject([
    {
      folder: keys,
      keys: [
        { name: 'ada', keyid: ada, passphrase: false, problem: null },
        { name: 'grace', keyid: grace, passphrase: true, problem: null },
        { name: 'open', keyid: null, public: null, passphrase: null, problem: expect.stringContaining('chmod') },
        { name: 'x', keyid: null, public: null, passphrase: true, problem: null },
      ],
    },
  ]);
});
