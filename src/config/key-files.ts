import { lstat, readdir, rm } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { placeFiles } from '../adapters/platform/durable-files.js';
import { makeFolders } from '../adapters/platform/make-folders.js';
import { messageOf, PromptOsError, systemCode, writeFailure } from '../contracts/errors.js';

const KEY_SUFFIX = '.pem';

/** The private key of a principal in that folder, whether or not it is there. */
export const keyFileOf = (folder: string, name: string): string => join(folder, `${name}${KEY_SUFFIX}`);

/** The principals that have a key in the folder, sorted; none where there is no folder. */
export async function listKeyNames(folder: string): Promise<readonly string[]> {
  const entries = await readdir(folder).catch((error: unknown) => {
    if (systemCode(error) === 'ENOENT') return [];
    const code = systemCode(error) ?? String(error);
    throw new PromptOsError('FILE_NOT_READABLE', `The folder of keys ${folder} cannot be read (${code}).`);
  });
  return entries
    .filter((entry) => entry.endsWith(KEY_SUFFIX) && entry !== KEY_SUFFIX)
    .map((entry) => entry.slice(0, -KEY_SUFFIX.length))
    .sort();
}

interface NewKeyFile {
  readonly path: string;
  readonly pem: string;
  readonly publicPath: string;
  /** `ssh-ed25519 AAAA… comment`, without the line's end. */
  readonly publicLine: string;
}

/**
 * Refuses to replace a key or its public half; asked before a person types a passphrase for nothing.
 * @throws PromptOsError KEY_EXISTS
 */
export async function refuseExistingKey({ path, publicPath }: Pick<NewKeyFile, 'path' | 'publicPath'>): Promise<void> {
  for (const taken of [path, publicPath]) {
    const found = await lstat(taken).catch(() => null);
    if (found !== null) throw keyExists(taken);
  }
}

const keyExists = (path: string): PromptOsError =>
  new PromptOsError('KEY_EXISTS', `Nothing was written: there is a file ${path} already.`);

/**
 * Writes a private key, readable by its owner only from its first byte on, and its public half beside it. The private
 * one appears whole or not at all, and without `replace` nothing is ever overwritten, also not by a race.
 * @throws PromptOsError KEY_EXISTS; DISK_FULL, FILE_NOT_READABLE when the folder cannot be written
 */
export async function writeKeyFile(key: NewKeyFile, replace: boolean): Promise<void> {
  const files = [
    { path: key.path, text: key.pem, mode: 0o600 },
    { path: key.publicPath, text: `${key.publicLine}\n`, mode: 0o644 },
  ];
  try {
    if (!replace) await refuseExistingKey(key);
    await makeFolders(dirname(key.path), 0o700);
    await placeFiles(files, {
      replace,
      // Readers in between, or after a power cut, must not find the new key beside the old public half.
      beforePlacing: async () => (replace ? rm(key.publicPath, { force: true }) : undefined),
    });
  } catch (error) {
    if (error instanceof PromptOsError) throw error;
    if (systemCode(error) === 'EEXIST' && error instanceof Error && 'dest' in error)
      throw keyExists(String(error.dest));
    throw writeFailure(`The key ${key.path} cannot be written (${messageOf(error)}).`, error);
  }
}
