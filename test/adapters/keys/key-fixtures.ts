import { chmod, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { execa } from 'execa';
import { onTestFinished } from 'vitest';

/** A folder that goes when the test ends. */
export async function keyFolder(): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'promptos-keys-'));
  onTestFinished(() => rm(folder, { recursive: true, force: true }));
  return folder;
}

/** A private file in a folder of its own. */
export async function privateFile(text: string, { mode = 0o600, name = 'key.pem' } = {}): Promise<string> {
  const path = join(await keyFolder(), name);
  await writeFile(path, text, { mode });
  await chmod(path, mode);
  return path;
}

/** A key that ssh-keygen made; its public line is beside it as `.pub`. */
export async function sshKey(options: readonly string[] = [], type = 'ed25519'): Promise<string> {
  const path = join(await keyFolder(), 'id');
  const passphrase = options.includes('-N') ? [] : ['-N', ''];
  await execa('ssh-keygen', ['-q', '-t', type, '-C', 'grace@home', '-f', path, ...passphrase, ...options]);
  return path;
}

/** The fingerprint that ssh-keygen prints of a public key file. */
export async function sshFingerprint(path: string): Promise<string> {
  const { stdout } = await execa('ssh-keygen', ['-l', '-f', path]);
  return stdout.split(' ')[1] ?? '';
}

/** A passphrase that must not be asked for. */
export const neverAsked = (): Promise<string> => Promise.reject(new Error('the passphrase was asked for'));

/** Gives these passphrases in turn, and throws when there are no more. */
export function scriptedPassphrase(...script: readonly string[]): () => Promise<string> {
  const left = [...script];
  return async () => {
    const next = left.shift();
    if (next === undefined) throw new Error('the script of passphrases is at its end');
    return next;
  };
}
