import { Buffer } from 'node:buffer';
import { createPrivateKey, createPublicKey, type KeyObject, sign } from 'node:crypto';
import { PromptOsError } from '../../contracts/errors.js';
import type { KeyProtection } from '../../contracts/names.js';
import { counted } from '../../contracts/sentences.js';
import { type PublicKey, publicKeyOf, readPublicKeyLine } from '../../domain/attest/public-keys.js';
import type { Signer } from '../../ports/signer.js';
import { type AskPassphrase, readPrivateFile } from './read-private-file.js';
import { createWireReader, keyTypeOf, readEd25519Key } from './ssh-wire.js';

/**
 * OpenSSL silently cuts a longer passphrase of a PEM file down to this: `openssl` itself could not open the key any
 * more, and a shorter text would.
 */
export const MAX_PASSPHRASE_BYTES = 1_024;

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

/** What the text of a key file holds, as far as it shows without a passphrase. */
export interface KeyText {
  readonly form: 'pkcs8' | 'openssh';
  readonly encrypted: boolean;
  /** The one PEM block of the text. */
  readonly pem: string;
  /** What an OpenSSH key says of itself in clear; null for PKCS#8, where it is inside. */
  readonly publicKey: PublicKey | null;
}

const PEM_BLOCK = /-----BEGIN ([A-Z0-9 ]+)-----\r?\n([\s\S]*?)-----END \1-----/g;
const OPENSSH_MAGIC = 'openssh-key-v1\0';

/** The error for a key of a kind that cannot sign here. Never says a byte of the key. */
const notThisKey = (name: string, received: string): PromptOsError =>
  new PromptOsError('KEY_NOT_READABLE', `${name}: expected a private Ed25519 key, received ${received}.`);

/**
 * Looks at the text of a private key.
 * @param name what messages call it: a path, or a variable
 * @throws PromptOsError KEY_NOT_READABLE
 */
export function readKeyText(text: string, name: string): KeyText {
  const blocks = [...text.matchAll(PEM_BLOCK)];
  const found = blocks.find(([, label = '']) => label.endsWith('PRIVATE KEY')) ?? blocks[0];
  if (found === undefined) {
    throw notThisKey(name, readPublicKeyLine(text) === null ? 'text without a PEM block' : 'a public key');
  }
  const [pem, label = '', body = ''] = found;
  switch (label) {
    case 'PRIVATE KEY':
    case 'ENCRYPTED PRIVATE KEY':
      return { form: 'pkcs8', encrypted: label !== 'PRIVATE KEY', pem: `${pem}\n`, publicKey: null };
    case 'OPENSSH PRIVATE KEY':
      return { form: 'openssh', pem: `${pem}\n`, ...readOpensshHead(Buffer.from(body, 'base64'), name) };
    default:
      throw notThisKey(name, `a PEM block "${label}"`);
  }
}

/** The part of an OpenSSH key that is never encrypted (PROTOCOL.key of OpenSSH). */
function readOpensshHead(bytes: Buffer, name: string): Pick<KeyText, 'encrypted' | 'publicKey'> {
  try {
    if (bytes.subarray(0, OPENSSH_MAGIC.length).toString('latin1') !== OPENSSH_MAGIC) throw new RangeError('no magic');
    const reader = createWireReader(bytes.subarray(OPENSSH_MAGIC.length));
    const cipher = reader.string().toString('latin1');
    reader.string();
    reader.string();
    const keys = reader.uint32();
    const blob = reader.string();
    const raw = readEd25519Key(blob);
    if (raw === null) throw notThisKey(name, `an OpenSSH key of the type ${keyTypeOf(blob)}`);
    if (keys !== 1) throw notThisKey(name, `a file with ${counted(keys, 'key')}`);
    return { encrypted: cipher !== 'none', publicKey: publicKeyOf(raw) };
  } catch (error) {
    if (error instanceof RangeError) throw notThisKey(name, 'an OpenSSH key that is damaged');
    throw error;
  }
}
