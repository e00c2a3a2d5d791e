import { randomUUID } from 'node:crypto';
import { link, lstat, mkdir, open, readdir, rename, rm } from 'node:fs/promises';
import { homedir } from 'node:os';
import { dirname, isAbsolute, join, resolve } from 'node:path';
import process from 'node:process';
import { PromptOsError } from '../contracts/errors.js';
import type { Variables } from './environment.js';
import { systemCode } from './read-file.js';

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

/** A key pair as it is to be written. */
export interface NewKeyFile {
  readonly path: string;
  readonly pem: string;
  readonly publicPath: string;
  /** `ssh-ed25519 AAAA… comment`, without the line's end. */
  readonly publicLine: string;
}

/**
 * Refuses to go on where a key lies already, or its public half; asked before a person types a passphrase for nothing.
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
  const staged = `${key.path}.${randomUUID()}.tmp`;
  const stagedPublic = `${key.publicPath}.${randomUUID()}.tmp`;
  try {
    if (!replace) await refuseExistingKey(key);
    await mkdir(dirname(key.path), { recursive: true, mode: 0o700 });
    await writeDurably(staged, key.pem, 0o600);
    await writeDurably(stagedPublic, `${key.publicLine}\n`, 0o644);
    if (replace) {
      // Whoever looks in between, or after a power cut, must not find the new key beside the old public half.
      await rm(key.publicPath, { force: true });
      await rename(staged, key.path);
    } else {
      await link(staged, key.path).catch((error: unknown) => {
        throw systemCode(error) === 'EEXIST' ? keyExists(key.path) : error;
      });
    }
    await rename(stagedPublic, key.publicPath);
    await flushFolder(dirname(key.path));
  } catch (error) {
    if (error instanceof PromptOsError) throw error;
    const code = systemCode(error) ?? String(error);
    throw new PromptOsError('FILE_NOT_READABLE', `The key ${key.path} cannot be written (${code}).`);
  } finally {
    await Promise.allSettled([staged, stagedPublic].map((path) => rm(path, { force: true })));
  }
}

async function writeDurably(path: string, text: string, mode: number): Promise<void> {
  const file = await open(path, 'wx', mode);
  try {
    // An odd umask may have taken more away than it should; it never gives.
    await file.chmod(mode);
    await file.writeFile(text);
    await file.sync();
  } finally {
    await file.close();
  }
}

async function flushFolder(path: string): Promise<void> {
  const folder = await open(path, 'r');
  try {
    await folder.sync();
  } finally {
    await folder.close();
  }
}
