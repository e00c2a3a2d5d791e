import { Buffer } from 'node:buffer';
import { createPrivateKey, createPublicKey, type KeyObject, sign } from 'node:crypto';
import { PromptOsError } from '../../contracts/errors.js';
import type { KeyProtection } from '../../contracts/names.js';
import { type PublicKey, publicKeyOf } from '../../domain/attest/public-keys.js';
import type { Signer } from '../../ports/signer.js';
import { type KeyText, notThisKey, readKeyText } from './key-text.js';
import { type AskPassphrase, readPrivateFile } from './read-private-file.js';

/**
 * OpenSSL silently cuts a longer passphrase of a PEM file down to this: `openssl` itself could not open the key any
 * more, and a shorter text would.
 */
export const MAX_PASSPHRASE_BYTES = 1_024;

/** A private key that node holds, and its public half. */
export interface OpenedKey {
  readonly key: KeyObject;
  readonly publicKey: PublicKey;
}

/**
 * Opens the text of a private Ed25519 key: PKCS#8 PEM or OpenSSH's own form, plain or with a passphrase.
 * No error carries what a library said of the key, since that may hold parts of it.
 * @param name what messages call it: a path, or a variable
 * @param passphrase asked once, and only for a key that has one
 * @throws PromptOsError KEY_NOT_READABLE, KEY_LOCKED, whatever `passphrase` throws
 */
export async function openPrivateKey(text: string, name: string, passphrase: AskPassphrase): Promise<OpenedKey> {
  const read = readKeyText(text, name);
  const given = read.encrypted ? await passphrase() : null;
  if (given !== null && Buffer.byteLength(given) > MAX_PASSPHRASE_BYTES) throw wrongPassphrase(name);
  const key = read.form === 'openssh' ? await openOpenssh(read, name, given) : openPkcs8(read, name, given);
  if (key.asymmetricKeyType !== 'ed25519') throw notThisKey(name, `a key of the type ${key.asymmetricKeyType}`);
  const publicKey = publicHalf(key);
  if (read.publicKey !== null && read.publicKey.raw !== publicKey.raw) {
    throw notThisKey(name, 'one whose public half is that of another');
  }
  return { key, publicKey };
}

/** The public half of a private Ed25519 key. */
export const publicHalf = (key: KeyObject): PublicKey => {
  const { x = '' } = createPublicKey(key).export({ format: 'jwk' });
  return publicKeyOf(Buffer.from(x, 'base64url'));
};

const wrongPassphrase = (name: string): PromptOsError =>
  new PromptOsError('KEY_LOCKED', `The passphrase that was given does not open ${name}, or the file is damaged.`);

function openPkcs8({ pem }: KeyText, name: string, passphrase: string | null): KeyObject {
  try {
    return createPrivateKey({ key: pem, format: 'pem', ...(passphrase === null ? {} : { passphrase }) });
  } catch {
    throw passphrase === null ? notThisKey(name, 'a PKCS#8 key that is damaged') : wrongPassphrase(name);
  }
}

async function openOpenssh({ pem }: KeyText, name: string, passphrase: string | null): Promise<KeyObject> {
  // Only who has such a key waits for the library.
  const { parsePrivateKey } = (await import('sshpk')).default;
  try {
    const { part } = parsePrivateKey(pem, 'ssh-private', passphrase === null ? {} : { passphrase }) as unknown as {
      readonly part: { readonly k: { readonly data: Buffer }; readonly A: { readonly data: Buffer } };
    };
    const jwk = { kty: 'OKP', crv: 'Ed25519', d: base64url(part.k.data), x: base64url(part.A.data) };
    return createPrivateKey({ key: jwk, format: 'jwk' });
  } catch {
    throw passphrase === null ? notThisKey(name, 'an OpenSSH key that is damaged') : wrongPassphrase(name);
  }
}

const base64url = (bytes: Uint8Array): string => Buffer.from(bytes).toString('base64url');

export interface FileSignerOptions {
  /** Asked once, and only when the key has a passphrase. */
  readonly passphrase: AskPassphrase;
}

/**
 * A signer with the private key of a file: Ed25519 in PKCS#8 PEM or in OpenSSH's form. The key is opened here, once.
 * @param path absolute, or relative to the current folder
 * @throws PromptOsError KEY_NOT_FOUND, KEY_NOT_READABLE, KEY_LOCKED, whatever `passphrase` throws
 */
export async function createFileSigner(path: string, options: FileSignerOptions): Promise<Signer> {
  return createTextSigner(await readPrivateFile(path, { what: 'key', missing: 'KEY_NOT_FOUND' }), path, options);
}

/**
 * The same with the text of such a file, from wherever it was taken.
 * @param name what messages call it
 * @throws PromptOsError KEY_NOT_READABLE, KEY_LOCKED, whatever `passphrase` throws
 */
export async function createTextSigner(text: string, name: string, { passphrase }: FileSignerOptions): Promise<Signer> {
  let protection: KeyProtection = 'none';
  // Called exactly when the key has one.
  const asked: AskPassphrase = () => {
    protection = 'passphrase';
    return passphrase();
  };
  const { key, publicKey } = await openPrivateKey(text, name, asked);
  // The key stays in this closure: printing the signer shows the public half.
  return {
    keyid: publicKey.keyid,
    publicKey: publicKey.raw,
    protection,
    sign: async (message) => new Uint8Array(sign(null, message, key)),
  };
}
