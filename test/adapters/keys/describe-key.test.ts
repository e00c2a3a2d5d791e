import { rm, writeFile } from 'node:fs/promises';
import { expect, test } from 'vitest';
import { describeKeyFile, generatePrivateKey, publicFileOf } from '../../../src/adapters/keys/key-files.js';
import { readPassphraseFile } from '../../../src/adapters/keys/read-private-file.js';
import { publicKeyLine } from '../../../src/domain/attest/public-keys.js';
import { privateFile, sshFingerprint, sshKey } from './key-fixtures.js';

test('describeKeyFile: a plain key gives its own public half, whatever file is beside it', async () => {
  const [mine, other] = [generatePrivateKey(null), generatePrivateKey(null)];
  const path = await privateFile(mine.pem);
  await writeFile(publicFileOf(path), publicKeyLine(other.publicKey));
  expect(await describeKeyFile(path)).toEqual({ publicKey: mine.publicKey, holds: 'private key' });
});

test('describeKeyFile: a PKCS#8 key with a passphrase is known by the file beside it, if there is one', async () => {
  const { pem, publicKey } = generatePrivateKey('geheim');
  const path = await privateFile(pem);
  expect(await describeKeyFile(path)).toEqual({ publicKey: null, holds: 'private key with passphrase' });
  await writeFile(publicFileOf(path), `${publicKeyLine(publicKey)} grace\n`);
  expect(await describeKeyFile(path)).toEqual({ publicKey, holds: 'private key with passphrase' });
  await writeFile(publicFileOf(path), 'rubbish\n');
  await expect(describeKeyFile(path)).rejects.toMatchObject({ code: 'KEY_NOT_READABLE' });
});

test('describeKeyFile: an OpenSSH key with a passphrase says its public half itself', async () => {
  const path = await sshKey(['-N', 'geheim']);
  const keyid = await sshFingerprint(`${path}.pub`);
  await rm(`${path}.pub`);
  expect(await describeKeyFile(path)).toMatchObject({ publicKey: { keyid }, holds: 'private key with passphrase' });
});

test('describeKeyFile: a public key may be read by everybody, a private one may not', async () => {
  const path = await sshKey();
  expect(await describeKeyFile(`${path}.pub`)).toMatchObject({
    publicKey: { keyid: await sshFingerprint(`${path}.pub`) },
    holds: 'public key',
  });
  const open = await privateFile(generatePrivateKey(null).pem, { mode: 0o644 });
  await expect(describeKeyFile(open)).rejects.toMatchObject({ code: 'KEY_NOT_READABLE' });
});

test('describeKeyFile: KEY_NOT_READABLE for a public key of another type', async () => {
  const path = await sshKey([], 'ecdsa');
  await expect(describeKeyFile(`${path}.pub`)).rejects.toThrow('received one of the type ecdsa-sha2-nistp256');
});

test('publicFileOf: beside the private file', () => {
  expect(['/k/grace.pem', '/k/id', '/k/a.pem.old'].map(publicFileOf)).toEqual([
    '/k/grace.pub',
    '/k/id.pub',
    '/k/a.pem.old.pub',
  ]);
});

test('readPassphraseFile: the text without the one line end', async () => {
  expect(await readPassphraseFile(await privateFile('a b \n'))).toBe('a b ');
  expect(await readPassphraseFile(await privateFile('geheim\r\n'))).toBe('geheim');
  expect(await readPassphraseFile(await privateFile('two\nlines\n\n'))).toBe('two\nlines\n');
});

test.each([
  ['KEY_NOT_READABLE', 'geheim\n', 0o644],
  ['KEY_LOCKED', '\n', 0o600],
])('readPassphraseFile: %s, for the text %j with the mode %o', async (code, text, mode) => {
  await expect(readPassphraseFile(await privateFile(text, { mode }))).rejects.toMatchObject({ code });
});

test('readPassphraseFile: KEY_LOCKED, for a missing file', async () => {
  await expect(readPassphraseFile('/nowhere/passphrase')).rejects.toMatchObject({ code: 'KEY_LOCKED' });
});
