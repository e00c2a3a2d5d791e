import { createPrivateKey, generateKeyPairSync } from 'node:crypto';
import { chmod, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { inspect } from 'node:util';
import { ed25519 } from '@noble/curves/ed25519.js';
import { execa } from 'execa';
import { expect, test } from 'vitest';
import { createFileSigner, createTextSigner } from '../../../src/adapters/keys/file-signer.js';
import { generatePrivateKey } from '../../../src/adapters/keys/key-files.js';
import { publicKeyLine, readPublicKeyLine } from '../../../src/domain/attest/public-keys.js';
import type { Signer } from '../../../src/ports/signer.js';
import { keyFolder, neverAsked, privateFile, scriptedPassphrase, sshFingerprint, sshKey } from './key-fixtures.js';

const PASSPHRASE = 'correct horse battery staple';
const MESSAGE = new TextEncoder().encode('DSSEv1 28 application/vnd.in-toto+json 2 {}');
const verifies = async (signer: Signer) =>
  ed25519.verify(await signer.sign(MESSAGE), MESSAGE, Buffer.from(signer.publicKey, 'base64'));

test('createFileSigner: a plain PKCS#8 key signs raw Ed25519, and its passphrase is not asked for', async () => {
  const { pem, publicKey } = generatePrivateKey(null);
  const signer = await createFileSigner(await privateFile(pem), { passphrase: neverAsked });
  expect(signer).toMatchObject({ keyid: publicKey.keyid, publicKey: publicKey.raw });
  expect(await verifies(signer)).toBe(true);
  expect((await signer.sign(MESSAGE)).length).toBe(64);
});

test('createFileSigner: a PKCS#8 key with a passphrase is opened once', async () => {
  const { pem, publicKey } = generatePrivateKey(PASSPHRASE);
  const signer = await createFileSigner(await privateFile(pem), { passphrase: scriptedPassphrase(PASSPHRASE) });
  expect(signer.keyid).toBe(publicKey.keyid);
  expect(await verifies(signer)).toBe(true);
  expect(await verifies(signer)).toBe(true);
});

test.each([
  ['without a passphrase', [], neverAsked],
  ['with a passphrase', ['-N', PASSPHRASE], scriptedPassphrase(PASSPHRASE)],
  ['with a passphrase and another cipher', ['-N', PASSPHRASE, '-Z', 'aes256-cbc'], scriptedPassphrase(PASSPHRASE)],
])('createFileSigner: an OpenSSH key %s, whose keyid is what ssh-keygen prints', async (_, options, passphrase) => {
  const path = await sshKey(options);
  const signer = await createFileSigner(path, { passphrase });
  expect(signer.keyid).toBe(await sshFingerprint(`${path}.pub`));
  expect(signer.publicKey).toBe(readPublicKeyLine(await readFile(`${path}.pub`, 'utf8'))?.raw);
  expect(await verifies(signer)).toBe(true);
});

test.each([
  ['as openssl makes it', ['genpkey', '-algorithm', 'ed25519'], null],
  ['with scrypt', ['genpkey', '-algorithm', 'ed25519'], ['-scrypt']],
  ['with more rounds', ['genpkey', '-algorithm', 'ed25519'], ['-iter', '300000']],
])('createFileSigner: a key of openssl, %s', async (_, argv, encryption) => {
  const plain = (await execa('openssl', argv)).stdout;
  const options = ['pkcs8', '-topk8', '-passout', `pass:${PASSPHRASE}`, ...(encryption ?? [])];
  const pem = encryption === null ? plain : (await execa('openssl', options, { input: plain })).stdout;
  const signer = await createFileSigner(await privateFile(pem), {
    passphrase: encryption === null ? neverAsked : scriptedPassphrase(PASSPHRASE),
  });
  expect(await verifies(signer)).toBe(true);
});

test('createFileSigner: text before the key and the line ends of Windows do no harm', async () => {
  const { pem, publicKey } = generatePrivateKey(null);
  const text = `the key of grace\n\n${pem}`.replaceAll('\n', '\r\n');
  const signer = await createFileSigner(await privateFile(text), { passphrase: neverAsked });
  expect(signer.keyid).toBe(publicKey.keyid);
});

test.each([
  ['PKCS#8', async () => privateFile(generatePrivateKey(PASSPHRASE).pem)],
  ['OpenSSH', async () => sshKey(['-N', PASSPHRASE])],
])('createFileSigner: KEY_LOCKED for a wrong passphrase, %s', async (_, make) => {
  const path = await make();
  for (const wrong of ['wrong', '', 'x'.repeat(1_025)]) {
    const opening = createFileSigner(path, { passphrase: scriptedPassphrase(wrong) });
    await expect(opening).rejects.toMatchObject({ code: 'KEY_LOCKED', exitCode: 2 });
  }
});

const rsa = generateKeyPairSync('rsa', { modulusLength: 2_048 }).privateKey;
const p256 = generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey;
const x25519 = generateKeyPairSync('x25519').privateKey;
const pkcs8 = (key: typeof rsa) => key.export({ type: 'pkcs8', format: 'pem' }).toString();

test.each([
  ['RSA in PKCS#8', pkcs8(rsa), 'a key of the type rsa'],
  ['RSA in PKCS#1', rsa.export({ type: 'pkcs1', format: 'pem' }).toString(), 'a PEM block "RSA PRIVATE KEY"'],
  ['ECDSA in PKCS#8', pkcs8(p256), 'a key of the type ec'],
  ['ECDSA in SEC 1', p256.export({ type: 'sec1', format: 'pem' }).toString(), 'a PEM block "EC PRIVATE KEY"'],
  ['X25519', pkcs8(x25519), 'a key of the type x25519'],
  ['a public key line', publicKeyLine(generatePrivateKey(null).publicKey), 'a public key'],
  ['no key at all', 'hello\n', 'text without a PEM block'],
  ['nothing', '', 'text without a PEM block'],
  ['a damaged PKCS#8 key', '-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n', 'that is damaged'],
  [
    'a damaged OpenSSH key',
    '-----BEGIN OPENSSH PRIVATE KEY-----\nb3BlbnNzaC1rZXktdjEA\n-----END OPENSSH PRIVATE KEY-----\n',
    'that is damaged',
  ],
])('createFileSigner: KEY_NOT_READABLE names the kind of file, for %s', async (_, text, received) => {
  const opening = createFileSigner(await privateFile(text), { passphrase: neverAsked });
  await expect(opening).rejects.toMatchObject({
    code: 'KEY_NOT_READABLE',
    summary: expect.stringContaining(`expected a private Ed25519 key, received`),
  });
  await expect(createTextSigner(text, 'x', { passphrase: neverAsked })).rejects.toThrow(received);
});

test('createFileSigner: KEY_NOT_READABLE, naming the type, for an ECDSA key of OpenSSH', async () => {
  const opening = createFileSigner(await sshKey([], 'ecdsa'), { passphrase: neverAsked });
  await expect(opening).rejects.toMatchObject({ code: 'KEY_NOT_READABLE' });
  await expect(opening).rejects.toThrow('an OpenSSH key of the type ecdsa-sha2-nistp256');
});

test('createFileSigner: an OpenSSH key that shows the public half of another is refused', async () => {
  const [mine, other] = await Promise.all([sshKey(), sshKey()]);
  const bytesOf = async (path: string) =>
    Buffer.from((await readFile(path, 'utf8')).replaceAll(/-----.*-----|\n/g, ''), 'base64');
  const raw = Buffer.from(readPublicKeyLine(await readFile(`${other}.pub`, 'utf8'))?.raw ?? '', 'base64');
  const bytes = await bytesOf(mine);
  const own = Buffer.from(readPublicKeyLine(await readFile(`${mine}.pub`, 'utf8'))?.raw ?? '', 'base64');
  raw.copy(bytes, bytes.indexOf(own));
  const text = `-----BEGIN OPENSSH PRIVATE KEY-----\n${bytes.toString('base64')}\n-----END OPENSSH PRIVATE KEY-----\n`;
  await expect(createTextSigner(text, 'forged', { passphrase: neverAsked })).rejects.toMatchObject({
    code: 'KEY_NOT_READABLE',
    summary: 'forged: expected a private Ed25519 key, received one whose public half is that of another.',
  });
});

test.each([0o640, 0o604, 0o660, 0o644, 0o610])(
  'createFileSigner: KEY_NOT_READABLE says chmod, for the mode %o',
  async (mode) => {
    const path = await privateFile(generatePrivateKey(null).pem, { mode });
    const opening = createFileSigner(path, { passphrase: neverAsked });
    await expect(opening).rejects.toMatchObject({ code: 'KEY_NOT_READABLE', exitCode: 2 });
    await expect(opening).rejects.toThrow(`Do \`chmod 600 ${path}\`.`);
    await chmod(path, 0o400);
    expect(await verifies(await createFileSigner(path, { passphrase: neverAsked }))).toBe(true);
  },
);

test('createFileSigner: a pipe is taken, a folder, a device and a large file are not', async () => {
  const folder = await keyFolder();
  await writeFile(join(folder, 'plain.pem'), generatePrivateKey(null).pem);
  const fifo = join(folder, 'pipe');
  await execa('mkfifo', ['-m', '600', fifo]);
  const feeding = execa('cp', [join(folder, 'plain.pem'), fifo]);
  expect(await verifies(await createFileSigner(fifo, { passphrase: neverAsked }))).toBe(true);
  await feeding;
  const large = await privateFile('x'.repeat(70_000));
  for (const path of [folder, '/dev/zero', large]) {
    await expect(createFileSigner(path, { passphrase: neverAsked })).rejects.toMatchObject({
      code: 'KEY_NOT_READABLE',
    });
  }
  await expect(createFileSigner(join(folder, 'none'), { passphrase: neverAsked })).rejects.toMatchObject({
    code: 'KEY_NOT_FOUND',
  });
});

/** Every form in which the secret 32 bytes of a key might be written. */
function secretsOf(pem: string): readonly string[] {
  const { d = '' } = createPrivateKey(pem).export({ format: 'jwk' });
  const seed = Buffer.from(d, 'base64url');
  const body = pem.split('\n')[1] ?? '';
  return [d, seed.toString('hex'), seed.toString('base64'), body.slice(-30), [...seed.subarray(0, 8)].join(', ')];
}

test('createFileSigner: neither the signer nor an error shows the private key or the passphrase', async () => {
  const { pem } = generatePrivateKey(null);
  const secrets = [...secretsOf(pem), PASSPHRASE];
  const signer = await createFileSigner(await privateFile(pem), { passphrase: neverAsked });
  const damaged = pem.replace('MC4C', 'MC4D');
  const errors = await Promise.all([
    createTextSigner(damaged, 'x', { passphrase: neverAsked }).catch((error: unknown) => error),
    createTextSigner(damaged.replaceAll('PRIVATE KEY', 'OPENSSH PRIVATE KEY'), 'x', { passphrase: neverAsked }).catch(
      (error: unknown) => error,
    ),
    createTextSigner(generatePrivateKey('another').pem, 'x', { passphrase: async () => PASSPHRASE }).catch(
      (error: unknown) => error,
    ),
    createFileSigner(await sshKey(['-N', 'another']), { passphrase: async () => PASSPHRASE }).catch(
      (error: unknown) => error,
    ),
  ]);
  for (const shown of [signer, ...errors]) {
    const text = [inspect(shown, { depth: null, showHidden: true, getters: true }), JSON.stringify(shown)].join('\n');
    expect(secrets.filter((secret) => text.includes(secret))).toEqual([]);
    expect(text).not.toContain('cause');
  }
  expect(secrets.filter((secret) => inspect(secretsOf(pem)).includes(secret)).length).toBeGreaterThan(3);
});
