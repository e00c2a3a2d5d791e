import type { Patch } from '../contracts/patch.js';
import { maskSecrets } from './mask-secrets.js';
import { findSecretPatterns } from './secret-patterns.js';

const BINARY = /^GIT binary patch\n(?:(?:literal|delta) \d{1,12}\n(?:[^\n]{1,100}\n)*\n?)*/gm;

/**
 * The bytes of a refused patch without what is or may be a credential in it. Whatever a binary file holds is removed
 * where one of them holds a secret: its bytes are encoded, so that nothing in them can be masked.
 */
export function maskPatch({ bytes, binary_texts = [] }: Patch): Uint8Array {
  const hidden = binary_texts.some(({ text }) =>
    findSecretPatterns(text).some(({ confidence }) => confidence === 'known'),
  );
  const text = new TextDecoder().decode(bytes);
  const open = hidden ? text.replace(BINARY, '[masked: the content of a binary file]\n') : text;
  return new TextEncoder().encode(maskSecrets(open, 'all'));
}
