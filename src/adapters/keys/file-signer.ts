import { sign } from 'node:crypto';
import type { KeyProtection } from '../../contracts/names.js';
import type { Signer } from '../../ports/signer.js';
import { openPrivateKey } from './open-private-key.js';
import { type AskPassphrase, readPrivateFile } from './read-private-file.js';

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
  // It is asked for exactly when the key has one.
  const asked: AskPassphrase = () => {
    protection = 'passphrase';
    return passphrase();
  };
  const { key, publicKey } = await openPrivateKey(text, name, asked);
  // The key stays in this closure: whoever prints the signer sees the public half.
  return {
    keyid: publicKey.keyid,
    publicKey: publicKey.raw,
    protection,
    sign: async (message) => new Uint8Array(sign(null, message, key)),
  };
}
