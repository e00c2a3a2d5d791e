import { lstat, mkdir, readdir, rm } from 'node:fs/promises';
import { homedir } from 'node:os';
import { dirname, isAbsolute, join, resolve } from 'node:path';
import process from 'node:process';
import { placeFiles } from '../adapters/platform/durable-files.js';
import { PromptOsError, systemCode } from '../contracts/errors.js';
import type { Variables } from './environment.js';

const KEY_SUFFIX = '.pem';

/**
 * Where a user's private keys are: `PROMPTOS_KEYS_DIR`, else `promptos/keys` in the user's own config folder (macOS
 * `~/Library/Application Support`, elsewhere the XDG Base Directory Specification, which ignores relative values).
 */
export function keysFolder(env: Variables, platform: string = process.platform): string {
  if (env.PROMPTOS_KEYS_DIR) return resolve(env.PROMPTOS_KEYS_DIR);
  const home = env.HOME || homedir();
  if (platform === 'darwin') return join(home, 'Library', 'Application Support', 'promptos', 'keys');
  const xdg = env.XDG_CONFIG_HOME;
  return join(xdg && isAbsolute(xdg) ? xdg : join(home, '.config'), 'promptos', 'keys');
}

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
 * @throws PromptOsError KEY_EXISTS; FILE_NOT_READABLE when the folder cannot be written
 */
export async function writeKeyFile(key: NewKeyFile, replace: boolean): Promise<void> {
  const files = [
    { path: key.path, text: key.pem, mode: 0o600 },
    { path: key.publicPath, text: `${key.publicLine}\n`, mode: 0o644 },
  ];
  try {
    if (!replace) await refuseExistingKey(key);
    await mkdir(dirname(key.path), { recursive: true, mode: 0o700 });
    await placeFiles(files, {
      replace,
      // Readers in between, or after a power cut, must not find the new key beside the old public half.
      beforePlacing: async () => (replace ? rm(key.publicPath, { force: true }) : undefined),
    });
  } catch (error) {
    if (error instanceof PromptOsError) throw error;
    if (systemCode(error) === 'EEXIST' && error instanceof Error && 'dest' in error)
      throw keyExists(String(error.dest));
    const code = systemCode(error) ?? String(error);
    throw new PromptOsError('FILE_NOT_READABLE', `The key ${key.path} cannot be written (${code}).`);
  }
}
