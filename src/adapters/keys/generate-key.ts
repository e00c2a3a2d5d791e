import { Buffer } from 'node:buffer';
import { generateKeyPairSync } from 'node:crypto';
import { PromptOsError } from '../../contracts/errors.js';
import type { PublicKey } from '../../domain/attest/public-keys.js';
import { MAX_PASSPHRASE_BYTES, publicHalf } from './file-signer.js';

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
