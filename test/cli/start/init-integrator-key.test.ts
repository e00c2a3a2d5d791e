import { mkdir, mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { execa } from 'execa';
import { expect, onTestFinished, test } from 'vitest';
import type { InitQuestions } from '../../../src/cli/start/first-people.js';
import { initCommand } from '../../../src/cli/start/start-commands.js';
import { readPolicy } from '../../../src/config/policy-file.js';
import { makeTestKey } from '../../support/signing.js';
import { invoke } from '../recorded-context.js';

const RSA = 'ssh-rsa AAAAB3NzaC1yc2EAAAADAQABAAABAQC7';

async function repository(): Promise<{ top: string; env: NodeJS.ProcessEnv; keysDir: string }> {
  const folder = await mkdtemp(join(tmpdir(), 'promptos-init-key-'));
  onTestFinished(() => rm(folder, { recursive: true, force: true }));
  const [top, keysDir] = [join(folder, 'repository'), join(folder, 'own-keys')];
  await mkdir(top);
  await execa('git', ['init', '-q', '-b', 'main'], { cwd: top });
  return { top, keysDir, env: { ...process.env, HOME: folder, PROMPTOS_KEYS_DIR: keysDir } };
}

type Answers = { readonly publicKey?: (string | null)[]; readonly chooseKey?: string; readonly here?: boolean | null };

/** Runs `init` in a terminal with these answers, and records the questions in their order. */
async function init(answers: Answers, args = ['--no-passphrase'], terminal = true, prepared = repository()) {
  const { top, env, keysDir } = await prepared;
  const asked: string[] = [];
  const questions: InitQuestions = {
    alone: () => Promise.reject(new Error('asked about being alone')),
    integrator: () => Promise.reject(new Error('asked for the integrator')),
    passphrase: () => Promise.reject(new Error('asked for a passphrase')),
    publicKey: async () => {
      asked.push('publicKey');
      const answer = answers.publicKey?.shift();
      if (answer === undefined) throw new Error('asked for the key more often than scripted');
      return answer;
    },
    chooseKey: async (_, keys) => {
      asked.push(`chooseKey of ${keys.length}`);
      return answers.chooseKey ?? null;
    },
    keepKeyHere: async (_, path) => {
      asked.push(path === null ? 'keepKeyHere' : `keepKeyHere ${path}`);
      return answers.here ?? null;
    },
  };
  const people = ['--developer', 'ada', '--integrator', 'grace'];
  const done = invoke((context) => initCommand(context, questions), [...people, ...args], { cwd: top, env, terminal });
  return { top, keysDir, asked, done };
}

const keyOfGrace = async (top: string) =>
  (await readPolicy(join(top, '.promptos', 'policy.yaml'))).policy.principals.grace?.keys.map(
    ({ public: line }) => line,
  );

test.each([
  ['a line with a comment', (line: string) => `${line} grace@laptop`],
  ['the text of a .keys page', (line: string) => `${RSA}\n${line}\n`],
  ['the same key twice, with Windows line ends', (line: string) => `${line}\r\n${line} again\r\n`],
])('init: asks for the public key first and takes %s; no key of the integrator is made', async (_, form) => {
  const { line } = makeTestKey();
  const { top, keysDir, asked, done } = await init({ publicKey: [form(line)] });
  const { stderr, stdout } = await done;
  expect(stdout).toContain('promptos except --setup --as grace');
  expect(asked).toEqual(['publicKey']);
  expect(await keyOfGrace(top)).toEqual([`${line} grace`]);
  expect((await readdir(keysDir)).sort()).toEqual(['ada.pem', 'ada.pub']);
  expect(stderr).not.toContain('private key of grace');
});

test.each(['grace.pub', './grace.pub', '~/repository/grace.pub'])(
  'init: takes the name of a file with the key, typed or as --integrator-key: %s',
  async (name) => {
    const { line } = makeTestKey();
    for (const typed of [true, false]) {
      const prepared = await repository();
      await writeFile(join(prepared.top, 'grace.pub'), `${RSA} old\n${line} grace@laptop\n`, { mode: 0o644 });
      const args = ['--no-passphrase', ...(typed ? [] : ['--integrator-key', name])];
      const { top, asked, done } = await init({ publicKey: [name] }, args, typed, Promise.resolve(prepared));
      await done;
      expect(asked).toEqual(typed ? ['publicKey'] : []);
      expect(await keyOfGrace(top)).toEqual([`${line} grace`]);
    }
  },
);

test('init: of several keys one is chosen in a terminal, and without one they are refused by fingerprint', async () => {
  const [one, other] = [makeTestKey(), makeTestKey()];
  const text = `${one.line}\n${other.line}\n`;
  const chosen = await init({ publicKey: [text], chooseKey: other.key.keyid });
  await chosen.done;
  expect(chosen.asked).toEqual(['publicKey', 'chooseKey of 2']);
  expect(await keyOfGrace(chosen.top)).toEqual([`${other.line} grace`]);
  const refused = await init({}, ['--integrator-key', text], false);
  await expect(refused.done).rejects.toMatchObject({
    code: 'USAGE',
    message: expect.stringContaining(`${one.key.keyid}, ${other.key.keyid}`),
  });
  expect(await readdir(refused.top)).toEqual(['.git']);
});

test('init: an answer that is no Ed25519 public key is explained and asked for again', async () => {
  const { line } = makeTestKey();
  const pem = '-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----';
  const wrong = ['missing.pub', RSA, 'ssh-ed25519 AAAA', pem, 'https://github.com/grace.keys'];
  const { top, asked, done } = await init({ publicKey: [...wrong, line] });
  const { stdout } = await done;
  expect(asked).toHaveLength(wrong.length + 1);
  expect(stdout).toContain('missing.pub');
  expect(stdout).toContain('received one of the type ssh-rsa');
  expect(stdout).toContain('received one that is damaged');
  expect(stdout).toContain('A private key stays with its owner');
  expect(stdout).toContain('Nothing is fetched');
  expect(await keyOfGrace(top)).toEqual([`${line} grace`]);
});

test('init: offers to make a key only after a blank answer, and warns that it is weaker', async () => {
  const { keysDir, asked, done } = await init({ publicKey: [' \n'], here: true });
  const { stderr } = await done;
  expect(asked).toEqual(['publicKey', 'keepKeyHere']);
  expect(await readdir(keysDir)).toContain('grace.pem');
  expect(stderr).toContain('warning: The private key of grace');
});

test('init: a key of the integrator that is here is used only after the same question', async () => {
  const prepared = await repository();
  const first = await init({ publicKey: [''], here: true }, ['--no-passphrase'], true, Promise.resolve(prepared));
  await first.done;
  const again = await init({ publicKey: [''], here: false }, ['--force'], true, Promise.resolve(prepared));
  await expect(again.done).rejects.toMatchObject({ code: 'USAGE' });
  expect(again.asked).toEqual(['publicKey', `keepKeyHere ${join(prepared.keysDir, 'grace.pem')}`]);
});

test.each<[string, Answers]>([
  ['the question for the key is broken off', { publicKey: [null] }],
  ['there is no key and none is to be made', { publicKey: [''], here: false }],
  ['the offer is broken off', { publicKey: [''], here: null }],
  ['none of several keys is chosen', { publicKey: [`${makeTestKey().line}\n${makeTestKey().line}`] }],
])('init: USAGE with the way out and nothing written, when %s', async (_, answers) => {
  const { top, done } = await init(answers);
  await expect(done).rejects.toMatchObject({
    code: 'USAGE',
    message: expect.stringContaining('promptos keys generate --for grace'),
  });
  expect(await readdir(top)).toEqual(['.git']);
});

test('init: without a terminal, or with --yes, nothing is asked', async () => {
  for (const [args, terminal] of [
    [[], false],
    [['--yes'], true],
  ] as const) {
    const { asked, done } = await init({}, [...args], terminal);
    await done;
    expect(asked).toEqual([]);
  }
});
