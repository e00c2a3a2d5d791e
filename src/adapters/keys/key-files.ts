import { Buffer } from 'node:buffer';
import { generateKeyPairSync } from 'node:crypto';
import { PromptOsError } from '../../contracts/errors.js';
import { type PublicKey, readPublicKeyLine } from '../../domain/attest/public-keys.js';
import { MAX_PASSPHRASE_BYTES, type OpenedKey, openPrivateKey, publicHalf, readKeyText } from './file-signer.js';
import { readPrivateFile } from './read-private-file.js';

export interface KeyDescription {
  /** Null for a PKCS#8 key with a passphrase that has no `.pub` file beside it. */
  readonly publicKey: PublicKey | null;
  /** Whether it holds a private key, and whether that asks for a passphrase. */
  readonly holds: 'private key' | 'private key with passphrase' | 'public key';
}

/** The file of a private key's public half: `grace.pub` beside `grace.pem`, `id.pub` beside `id`. */
export const publicFileOf = (path: string): string => `${path.replace(/\.pem$/, '')}.pub`;

/**
 * Looks at a key file: a private key, or a public one such as `id_ed25519.pub`.
 * @throws PromptOsError KEY_NOT_FOUND, KEY_NOT_READABLE
 */
export async function describeKeyFile(path: string): Promise<KeyDescription> {
  const text = await readPrivateFile(path, { what: 'key', missing: 'KEY_NOT_FOUND', isPublic: isPublicLine });
  if (isPublicLine(text)) return { publicKey: publicKeyOfLine(text, path), holds: 'public key' };
  const read = readKeyText(text, path);
  if (!read.encrypted) return { publicKey: (await openPlainKey(text, path)).publicKey, holds: 'private key' };
  const publicKey = read.publicKey ?? (await readPublicFile(publicFileOf(path)));
  return { publicKey, holds: 'private key with passphrase' };
}

const openPlainKey = (text: string, path: string): Promise<OpenedKey> =>
  openPrivateKey(text, path, () => Promise.reject(new Error('a plain key was asked for its passphrase')));

/** Whether a text begins as the line of a public key does, of whatever type. */
export const isPublicLine = (text: string): boolean => /^(?:ssh|ecdsa|sk)-\S+ AAAA/.test(text);

/** @throws PromptOsError KEY_NOT_READABLE */
export function publicKeyOfLine(line: string, name: string): PublicKey {
  const key = readPublicKeyLine(line);
  if (key !== null) return key;
  const type = line.split(' ', 1)[0] ?? '';
  throw new PromptOsError(
    'KEY_NOT_READABLE',
    `${name}: expected a line such as "ssh-ed25519 AAAA…", received ${type === 'ssh-ed25519' ? 'one that is damaged' : `one of the type ${type}`}.`,
    {
      hint: 'Give the whole line of an Ed25519 key, as `promptos keys show NAME` prints it; `promptos keys generate --for NAME` makes such a key.',
    },
  );
}

/** The key of the file beside a private one, or null where there is none. */
async function readPublicFile(path: string): Promise<PublicKey | null> {
  try {
    const options = { what: 'public key', missing: 'KEY_NOT_FOUND', isPublic: () => true } as const;
    return publicKeyOfLine(await readPrivateFile(path, options), path);
  } catch (error) {
    if (error instanceof PromptOsError && error.code === 'KEY_NOT_FOUND') return null;
    throw error;
  }
}

interface GeneratedKey {
  /** PKCS#8, with one newline at the end. */
  readonly pem: string;
  readonly publicKey: PublicKey;
}

/**
 * A new Ed25519 key as PKCS#8 PEM. With a passphrase it is PBES2 as node's OpenSSL writes it: AES-256-CBC under
 * PBKDF2 with HMAC-SHA-256 and 2,048 rounds (RFC 8018).
 * @param passphrase null for a key without one
 * @throws PromptOsError USAGE for a passphrase that is empty or has more than 1,024 bytes
 */
export function generatePrivateKey(passphrase: string | null): GeneratedKey {
  if (passphrase !== null) checkNewPassphrase(passphrase);
  const { privateKey } = generateKeyPairSync('ed25519');
  const pem = privateKey.export({
    type: 'pkcs8',
    format: 'pem',
    ...(passphrase === null ? {} : { cipher: 'aes-256-cbc', passphrase }),
  });
  return { pem: pem.toString(), publicKey: publicHalf(privateKey) };
}

function checkNewPassphrase(passphrase: string): void {
  const bytes = Buffer.byteLength(passphrase);
  if (bytes > 0 && bytes <= MAX_PASSPHRASE_BYTES) return;
  throw new PromptOsError('USAGE', `Expected a passphrase of 1 to ${MAX_PASSPHRASE_BYTES} bytes, received ${bytes}.`, {
    hint: 'Give another one, or say --no-passphrase.',
  });
}
