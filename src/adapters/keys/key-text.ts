import { Buffer } from 'node:buffer';
import { PromptOsError } from '../../contracts/errors.js';
import { counted } from '../../contracts/sentences.js';
import { type PublicKey, publicKeyOf, readPublicKeyLine } from '../../domain/attest/public-keys.js';
import { createWireReader, keyTypeOf, readEd25519Key } from './ssh-wire.js';

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
export const notThisKey = (name: string, received: string): PromptOsError =>
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
