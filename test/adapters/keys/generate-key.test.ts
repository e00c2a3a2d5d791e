import { execa } from 'execa';
import { expect, test } from 'vitest';
import { generatePrivateKey } from '../../../src/adapters/keys/key-files.js';

test('generatePrivateKey: openssl reads it and gives the same public half', async () => {
  const { pem, publicKey } = generatePrivateKey(null);
  const { stdout } = await execa('openssl', ['pkey', '-pubout', '-outform', 'DER'], { input: pem, encoding: 'buffer' });
  expect(Buffer.from(stdout).subarray(-32).toString('base64')).toBe(publicKey.raw);
});

test('generatePrivateKey: openssl opens it with the passphrase, and not with another', async () => {
  const { pem, publicKey } = generatePrivateKey('geheim');
  const open = (passphrase: string) =>
    execa('openssl', ['pkey', '-pubout', '-outform', 'DER', '-passin', `pass:${passphrase}`], {
      input: pem,
      encoding: 'buffer',
      reject: false,
    });
  const opened = await open('geheim');
  expect(Buffer.from(opened.stdout).subarray(-32).toString('base64')).toBe(publicKey.raw);
  expect((await open('falsch')).exitCode).not.toBe(0);
});

test('generatePrivateKey: the encryption is the one that docs/keys.md describes', async () => {
  const { stdout } = await execa('openssl', ['asn1parse'], { input: generatePrivateKey('geheim').pem });
  for (const part of [':PBES2', ':PBKDF2', ':hmacWithSHA256', ':aes-256-cbc', ':0800']) expect(stdout).toContain(part);
  expect(0x0800).toBe(2_048);
});

test.each(['', 'x'.repeat(1_025), 'ü'.repeat(513)])(
  'generatePrivateKey: USAGE, for the passphrase "%.10s…"',
  (passphrase) => {
    expect(() => generatePrivateKey(passphrase)).toThrow(expect.objectContaining({ code: 'USAGE' }));
  },
);

test('generatePrivateKey: two keys are never the same', () => {
  expect(generatePrivateKey(null).publicKey.keyid).not.toBe(generatePrivateKey(null).publicKey.keyid);
});
