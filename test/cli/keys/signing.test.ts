import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Writable } from 'node:stream';
import { ed25519 } from '@noble/curves/ed25519.js';
import { afterAll, afterEach, beforeEach, expect, test } from 'vitest';
import { describeKeyFile, generatePrivateKey } from '../../../src/adapters/keys/key-files.js';
import { createFileSystemStore } from '../../../src/adapters/store/fs/file-system-store.js';
import type { CommandContext } from '../../../src/cli/app/context.js';
import { createOutput } from '../../../src/cli/app/output.js';
import type { PassphraseQuestions } from '../../../src/cli/keys/keys.js';
import { openSigner, readRunPolicy } from '../../../src/cli/keys/signing.js';
import { sha256Hex } from '../../../src/contracts/digest.js';
import { type PublicKey, publicKeyLine } from '../../../src/domain/attest/public-keys.js';
import { sshKey } from '../../adapters/keys/key-fixtures.js';
import { startAgent } from '../../adapters/keys/real-agent.js';
import { EXAMPLE_POLICY } from '../../support/governed-repository.js';

let cwd: string;
beforeEach(async () => {
  cwd = await mkdtemp(join(tmpdir(), 'promptos-signer-'));
  await mkdir(join(cwd, 'keys'));
});
afterEach(() => rm(cwd, { recursive: true, force: true }));

const MESSAGE = new TextEncoder().encode('what is signed');
const nowhere = () => Object.assign(new Writable({ write: (_c, _e, done) => done() }), { isTTY: true });

function contextOf(env: Readonly<Record<string, string>> = {}, terminal = false): CommandContext {
  const output = createOutput({
    json: false,
    stdout: nowhere(),
    stderr: nowhere(),
    stdinIsTerminal: terminal,
    noColor: true,
  });
  return { output: () => output, cwd, env: { PROMPTOS_KEYS_DIR: join(cwd, 'keys'), ...env }, exit: () => undefined };
}

const answering = (...script: readonly (string | null)[]): PassphraseQuestions => {
  const left = [...script];
  return {
    passphrase: async (message) => {
      const next = left.shift();
      if (next === undefined) throw new Error(`no answer is scripted for "${message}"`);
      return next;
    },
  };
};

/** A key in the folder of keys, or at a path relative to the current folder. */
async function keyAt(path: string, passphrase: string | null = null, publicFile = false): Promise<PublicKey> {
  const { pem, publicKey } = generatePrivateKey(passphrase);
  await writeFile(join(cwd, path), pem, { mode: 0o600 });
  if (publicFile) await writeFile(join(cwd, path.replace('.pem', '.pub')), publicKeyLine(publicKey));
  return publicKey;
}

test('openSigner: --key is taken whatever else is there, relative to the current folder', async () => {
  const own = await keyAt('keys/grace.pem');
  const named = await keyAt('other.pem');
  const signer = await openSigner(contextOf(), { principal: 'grace', key: 'other.pem', policyKeys: [own] });
  expect(signer.keyid).toBe(named.keyid);
  expect(ed25519.verify(await signer.sign(MESSAGE), MESSAGE, Buffer.from(named.raw, 'base64'))).toBe(true);
});

test('openSigner: a missing --key is KEY_NOT_FOUND, and nothing else is tried', async () => {
  await keyAt('keys/grace.pem');
  const opening = openSigner(contextOf(), { principal: 'grace', key: 'none.pem' });
  await expect(opening).rejects.toMatchObject({ code: 'KEY_NOT_FOUND', summary: expect.stringContaining('none.pem') });
});

test("openSigner: the principal's own key file, and no other", async () => {
  const grace = await keyAt('keys/grace.pem');
  await keyAt('keys/ada.pem');
  expect((await openSigner(contextOf(), { principal: 'grace', policyKeys: [grace] })).keyid).toBe(grace.keyid);
  expect((await openSigner(contextOf(), { principal: 'grace' })).keyid).toBe(grace.keyid);
});

test('openSigner: an agent identity, in the order of the policy, when there is no key file', async () => {
  const [agent, path] = [await startAgent(), await sshKey()];
  await agent.add(path);
  const { publicKey } = await describeKeyFile(path);
  if (publicKey === null) throw new Error('no public key');
  const policyKeys = [generatePrivateKey(null).publicKey, publicKey];
  const signer = await openSigner(contextOf({ SSH_AUTH_SOCK: agent.socket }), { principal: 'grace', policyKeys });
  expect(signer.keyid).toBe(publicKey.keyid);
});

test('openSigner: a key file that the policy does not list gives way to the agent, unasked for its passphrase', async () => {
  const [agent, path] = [await startAgent(), await sshKey()];
  await agent.add(path);
  await keyAt('keys/grace.pem', 'geheim', true);
  const { publicKey } = await describeKeyFile(path);
  if (publicKey === null) throw new Error('no public key');
  const context = contextOf({ SSH_AUTH_SOCK: agent.socket }, true);
  const signer = await openSigner(context, { principal: 'grace', policyKeys: [publicKey] }, answering());
  expect(signer.keyid).toBe(publicKey.keyid);
});

test('openSigner: KEY_NOT_FOUND says what was looked for', async () => {
  const [agent, old, listed] = [await startAgent(), await keyAt('keys/grace.pem'), generatePrivateKey(null).publicKey];
  const look = (env: Record<string, string>, policyKeys?: readonly PublicKey[], principal = 'grace') =>
    openSigner(contextOf(env), { principal, policyKeys });
  const first = look({ SSH_AUTH_SOCK: agent.socket }, [listed]);
  await expect(first).rejects.toMatchObject({
    code: 'KEY_NOT_FOUND',
    exitCode: 2,
    summary:
      `There is no key to sign with as "grace". Looked for: ${join(cwd, 'keys/grace.pem')} (${old.keyid}, which the policy ` +
      `does not list for this principal); the ssh-agent at ${agent.socket} (holds none of ${listed.keyid}).`,
  });
  await expect(look({}, [listed], 'ada')).rejects.toThrow(
    'ada.pem (not there); no ssh-agent (SSH_AUTH_SOCK is not set).',
  );
  await expect(look({ SSH_AUTH_SOCK: '/nowhere/s' }, [listed])).rejects.toMatchObject({
    code: 'KEY_NOT_FOUND',
    summary: expect.stringContaining('The SSH agent at /nowhere/s cannot be reached'),
  });
  await expect(look({}, [])).rejects.toThrow('the policy lists no key for this principal');
  await expect(look({}, undefined, 'ada')).rejects.toThrow('no policy says which of its keys');
});

test('openSigner: the passphrase comes from a terminal, or from the file of the environment', async () => {
  const grace = await keyAt('keys/grace.pem', 'geheim');
  const asked = await openSigner(contextOf({}, true), { principal: 'grace' }, answering('geheim'));
  expect(asked.keyid).toBe(grace.keyid);
  await writeFile(join(cwd, 'passphrase'), 'geheim\n', { mode: 0o600 });
  const context = contextOf({ PROMPTOS_PASSPHRASE_FILE: 'passphrase' }, true);
  expect((await openSigner(context, { principal: 'grace' }, answering())).keyid).toBe(grace.keyid);
});

test('openSigner: KEY_LOCKED without a terminal, and for a passphrase that is wrong three times', async () => {
  await keyAt('keys/grace.pem', 'geheim');
  await expect(openSigner(contextOf(), { principal: 'grace' }, answering())).rejects.toMatchObject({
    code: 'KEY_LOCKED',
    summary: expect.stringContaining('no terminal'),
  });
  const wrong = openSigner(contextOf({}, true), { principal: 'grace' }, answering('falsch', 'fälsch', 'falsch'));
  await expect(wrong).rejects.toMatchObject({ code: 'KEY_LOCKED' });
  await expect(wrong).rejects.not.toThrow('falsch');
});

test('openSigner: a wrong passphrase is asked again on a terminal, and never when a file gives it', async () => {
  const grace = await keyAt('keys/grace.pem', 'geheim');
  const opened = openSigner(contextOf({}, true), { principal: 'grace' }, answering('falsch', 'geheim'));
  expect((await opened).keyid).toBe(grace.keyid);
  await writeFile(join(cwd, 'passphrase'), 'falsch\n', { mode: 0o600 });
  const context = contextOf({ PROMPTOS_PASSPHRASE_FILE: 'passphrase' }, true);
  await expect(openSigner(context, { principal: 'grace' }, answering())).rejects.toMatchObject({ code: 'KEY_LOCKED' });
});

const folder = await mkdtemp(join(tmpdir(), 'promptos-run-policy-'));
afterAll(() => rm(folder, { recursive: true, force: true }));

const POLICY = new TextEncoder().encode(`${EXAMPLE_POLICY}prompt_packs: ['${'a'.repeat(64)}']\n`);
const digest = sha256Hex(POLICY);

test('readRunPolicy: a file with the same bytes replaces a policy that the store lacks; another file does not', async () => {
  const store = createFileSystemStore(join(folder, 'store'));
  const [same, other] = [join(folder, 'policy.yaml'), join(folder, 'other.yaml')];
  await writeFile(same, POLICY);
  await writeFile(other, `${new TextDecoder().decode(POLICY)}# another comment\n`);
  const missing = join(folder, 'missing.yaml');
  expect((await readRunPolicy(store, digest, [missing, other, same])).name).toBe('example');
  const refused = readRunPolicy(store, digest, [missing, other]);
  await expect(refused).rejects.toMatchObject({ code: 'OBJECT_NOT_FOUND', message: expect.stringContaining(other) });
  await store.putObject(POLICY);
  expect((await readRunPolicy(store, digest, [])).name).toBe('example');
});
