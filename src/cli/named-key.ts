import { existsSync } from 'node:fs';
import { resolve } from 'node:path';
import { describeKeyFile, type KeyDescription } from '../adapters/signer-file/describe-key.js';
import { readEnvironment } from '../config/environment.js';
import { keyFileOf, keysFolder, listKeyNames } from '../config/key-files.js';
import { PromptOsError } from '../contracts/errors.js';
import type { PublicKey } from '../domain/attest/public-keys.js';
import type { PassphraseQuestions } from './ask-passphrase.js';
import type { CommandContext } from './context.js';
import { openKeyFile } from './open-key-file.js';

/** A key as it is shown; never a byte of its private half. */
export interface ShownKey {
  readonly path: string;
  readonly publicKey: PublicKey;
  readonly holds: KeyDescription['holds'];
}

/** A key of the user's own folder. */
export interface ListedKey {
  readonly name: string;
  readonly path: string;
  /** Null when it is not known without a passphrase. */
  readonly publicKey: PublicKey | null;
  /** Null when the file cannot be read. */
  readonly passphrase: boolean | null;
  /** Why it cannot be used as it is. */
  readonly problem: string | null;
}

/** The folder of keys that the invocation's environment says. */
export const keysFolderOf = (context: CommandContext): string => keysFolder(readEnvironment(context.env).variables);

/**
 * Finds the file that a person means: with a slash, or where no key has the name, it is a path; else a key's name.
 * @throws PromptOsError KEY_NOT_FOUND
 */
export function findKeyFile(context: CommandContext, given: string): string {
  const path = resolve(context.cwd, given);
  const named = keyFileOf(keysFolderOf(context), given);
  const isName = !/[/\\]/.test(given);
  if (isName && existsSync(named)) return named;
  if (existsSync(path)) return path;
  throw new PromptOsError('KEY_NOT_FOUND', `There is no key ${isName ? `${named} and no file ${path}` : path}.`);
}

/**
 * A key by name or path. The passphrase is only asked for when nothing else says what the public half is.
 * @throws PromptOsError KEY_NOT_FOUND, KEY_NOT_READABLE, KEY_LOCKED
 */
export async function readNamedKey(
  context: CommandContext,
  given: string,
  questions: PassphraseQuestions,
): Promise<ShownKey> {
  const path = findKeyFile(context, given);
  const { publicKey, holds } = await describeKeyFile(path);
  if (publicKey !== null) return { path, publicKey, holds };
  const signer = await openKeyFile(context, path, questions);
  return { path, publicKey: { keyid: signer.keyid, raw: signer.publicKey }, holds };
}

/** Every key of the user's folder, also those that cannot be used; `passphrase: false` is a key that lies open. */
export async function listKeys(folder: string): Promise<readonly ListedKey[]> {
  const names = await listKeyNames(folder);
  return Promise.all(
    names.map(async (name) => {
      const path = keyFileOf(folder, name);
      try {
        const { publicKey, holds } = await describeKeyFile(path);
        return { name, path, publicKey, passphrase: holds === 'private key with passphrase', problem: null };
      } catch (error) {
        if (!(error instanceof PromptOsError)) throw error;
        return { name, path, publicKey: null, passphrase: null, problem: error.message };
      }
    }),
  );
}
