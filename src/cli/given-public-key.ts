import { homedir } from 'node:os';
import { resolve } from 'node:path';
import { isPublicLine, publicKeyOfLine } from '../adapters/signer-file/describe-key.js';
import { readPrivateFile } from '../adapters/signer-file/read-private-file.js';
import { PromptOsError } from '../contracts/errors.js';
import type { PublicKey } from '../domain/attest/public-keys.js';
import type { CommandContext } from './context.js';

/**
 * The Ed25519 keys that a person gives: a line, several lines as `https://github.com/NAME.keys` has them, or the name of
 * a file with either. Lines of other key types are passed over beside an Ed25519 key.
 * @param what what messages call it
 * @returns at least one
 * @throws PromptOsError KEY_NOT_FOUND for a file that is missing, KEY_NOT_READABLE
 */
export async function readGivenKeys(
  { cwd, env }: Pick<CommandContext, 'cwd' | 'env'>,
  given: string,
  what: string,
): Promise<readonly PublicKey[]> {
  const text = given.trim();
  if (text.includes('\n') || isPublicLine(text) || isPrivate(text) || /^ssh-/.test(text)) return keysOf(text, what);
  if (/^https?:/i.test(text)) {
    throw new PromptOsError('KEY_NOT_READABLE', `${what}: expected a public key or a file, received an address.`, {
      hint: 'Nothing is fetched. Open the address, and give the text that it shows.',
    });
  }
  const path = resolve(
    cwd,
    text.replace(/^~(?=\/)/, () => env.HOME ?? homedir()),
  );
  const options = { what: 'public key', missing: 'KEY_NOT_FOUND', isPublic: () => true } as const;
  return keysOf((await readPrivateFile(path, options)).trim(), path);
}

const isPrivate = (text: string): boolean => text.includes('PRIVATE KEY-----');

function keysOf(text: string, what: string): readonly PublicKey[] {
  if (isPrivate(text)) {
    throw new PromptOsError('KEY_NOT_READABLE', `${what}: expected a public key, received a private one.`, {
      hint: 'A private key stays with its owner. `promptos keys show FILE` prints the public line.',
    });
  }
  const lines = text.split(/\r?\n/).map((line) => line.trim());
  const found = lines.filter((line) => isPublicLine(line) || line.startsWith('ssh-'));
  const usable = found.filter((line) => line.startsWith('ssh-ed25519 '));
  const keys = (usable.length > 0 ? usable : [found[0] ?? lines[0] ?? '']).map((line) => publicKeyOfLine(line, what));
  return keys.filter(({ keyid }, index) => keys.findIndex((other) => other.keyid === keyid) === index);
}
