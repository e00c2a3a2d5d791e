import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { generatePrivateKey, publicFileOf } from '../../adapters/keys/key-files.js';
import { readEnvironment } from '../../config/environment.js';
import { FIRST_AGENTS } from '../../config/first-policy.js';
import { keyFileOf, writeKeyFile } from '../../config/key-files.js';
import { ENGINE_SIGNER } from '../../contracts/config/signer-config.js';
import { PromptOsError } from '../../contracts/errors.js';
import { type PublicKey, publicKeyLine } from '../../domain/attest/public-keys.js';
import type { CommandContext } from '../app/context.js';
import { askNewPassphrase, keysFolderOf, type PassphraseQuestions, readNamedKey } from '../keys/keys.js';
import type { FirstPeople } from './first-people.js';

/** Who signs on a worker: the agents of the three roles, and the engine. */
export const WORKER_SIGNERS: readonly string[] = [...Object.values(FIRST_AGENTS), ENGINE_SIGNER];

export interface FirstKey {
  readonly name: string;
  readonly publicKey: PublicKey;
  /** Where the private half is, or will be; null for a public key that was given. */
  readonly path: string | null;
  readonly passphrase: boolean;
  /** The private half of a key that is still to be written; null for one that was there. */
  readonly pem: string | null;
}

/** The line of a public key as a policy has it, with its owner's name as the comment. */
export const policyLine = ({ publicKey, name }: Pick<FirstKey, 'publicKey' | 'name'>): string =>
  `${publicKeyLine(publicKey)} ${name}`;

export interface FirstKeysInput {
  readonly people: Pick<FirstPeople, 'developer' | 'integrator'>;
  /** The folder of the worker's own keys. */
  readonly workerKeys: string;
  /** The integrator's own public key; null when the private one is to be on this machine. */
  readonly integratorKey: PublicKey | null;
  /** False when a person's key is to have no passphrase, which the line must say. */
  readonly passphrase: boolean;
  /** Null when nothing is to be asked. */
  readonly questions: PassphraseQuestions | null;
}

/**
 * Finds or makes the key of everyone in a set-up; nothing is written yet. A key that is there is used as it is.
 * @throws PromptOsError USAGE; KEY_NOT_READABLE or KEY_LOCKED for a key that is there and cannot be used, KEY_EXISTS for
 * a public key without its private key
 */
export async function planFirstKeys(context: CommandContext, input: FirstKeysInput): Promise<readonly FirstKey[]> {
  const { people, workerKeys, integratorKey } = input;
  const keys: FirstKey[] = [];
  for (const name of WORKER_SIGNERS) keys.push(await planWorkerKey(context, keyFileOf(workerKeys, name), name));
  const own = keysFolderOf(context);
  keys.push(await planPersonsKey(context, keyFileOf(own, people.developer), people.developer, input));
  if (integratorKey !== null) {
    keys.push({ name: people.integrator, publicKey: integratorKey, path: null, passphrase: false, pem: null });
  } else if (people.integrator !== people.developer) {
    keys.push(await planPersonsKey(context, keyFileOf(own, people.integrator), people.integrator, input));
  }
  refuseShared(keys);
  return keys;
}

/**
 * Writes the keys that are new.
 * @param written gets the path of each file as soon as it is written
 * @throws PromptOsError KEY_EXISTS, DISK_FULL, FILE_NOT_READABLE
 */
export async function writeFirstKeys(keys: readonly FirstKey[], written: string[] = []): Promise<void> {
  for (const key of keys) {
    if (key.pem === null || key.path === null) continue;
    const file = { path: key.path, pem: key.pem, publicPath: publicFileOf(key.path), publicLine: policyLine(key) };
    await writeKeyFile(file, false);
    written.push(file.path, file.publicPath);
  }
}

/**
 * Throwaway keys for a demonstration, all in one folder and all without passphrase.
 * @returns the lines of the public keys, by name
 */
export async function writeThrowawayKeys(
  folder: string,
  names: readonly string[],
): Promise<Readonly<Record<string, string>>> {
  const keys = names.map((name) => newKey(name, join(folder, `${name}.pem`), null));
  await writeFirstKeys(keys);
  return Object.fromEntries(keys.map((key) => [key.name, policyLine(key)]));
}

const newKey = (name: string, path: string, passphrase: string | null): FirstKey => ({
  name,
  path,
  passphrase: passphrase !== null,
  ...generatePrivateKey(passphrase),
});

/** Asks nothing, also in a terminal. */
const refusing = (error: PromptOsError): PassphraseQuestions => ({ passphrase: () => Promise.reject(error) });

async function planWorkerKey(context: CommandContext, path: string, name: string): Promise<FirstKey> {
  const found = await findKey(context, path, name, refusing(locked(path)));
  if (found?.passphrase === true) throw locked(path);
  return found ?? newKey(name, path, null);
}

const locked = (path: string): PromptOsError =>
  new PromptOsError('KEY_LOCKED', `The key ${path} has a passphrase, and a worker cannot ask for it.`, {
    hint: 'Move it away, and a new one is made; or name it in worker.yaml yourself, with its passphrase_file.',
  });

async function planPersonsKey(
  context: CommandContext,
  path: string,
  name: string,
  { passphrase, questions }: FirstKeysInput,
): Promise<FirstKey> {
  const asked =
    questions ??
    refusing(new PromptOsError('KEY_LOCKED', `The key ${path} has a passphrase, and nothing is asked here.`));
  const found = await findKey(context, path, name, asked);
  if (found !== null) return found;
  const fromFile = readEnvironment(context.env).promptos.PROMPTOS_PASSPHRASE_FILE !== undefined;
  const open = !passphrase || (questions === null && !fromFile);
  return newKey(name, path, open ? null : await askNewPassphrase(context, asked, `the new key of ${name}`));
}

async function findKey(
  context: CommandContext,
  path: string,
  name: string,
  questions: PassphraseQuestions,
): Promise<FirstKey | null> {
  const publicPath = publicFileOf(path);
  // Looked for first: another init may be writing both, this one last.
  const hasPublic = existsSync(publicPath);
  if (!existsSync(path)) {
    if (!hasPublic) return null;
    throw new PromptOsError('KEY_EXISTS', `There is a public key ${publicPath} without its private key.`, {
      hint: `Put the private key into ${path}, or move ${publicPath} away.`,
    });
  }
  const { publicKey, holds } = await readNamedKey(context, path, questions);
  if (holds === 'public key') {
    throw new PromptOsError('KEY_NOT_READABLE', `${path}: expected a private Ed25519 key, received a public key.`);
  }
  return { name, publicKey, path, passphrase: holds === 'private key with passphrase', pem: null };
}

function refuseShared(keys: readonly FirstKey[]): void {
  for (const [index, { publicKey, name }] of keys.entries()) {
    const other = keys.slice(0, index).find((earlier) => earlier.publicKey.keyid === publicKey.keyid);
    if (other === undefined) continue;
    throw new PromptOsError('USAGE', `"${other.name}" and "${name}" have the same key, ${publicKey.keyid}.`, {
      hint: 'No key serves two: give another with --integrator-key, or move one of the key files away.',
    });
  }
}
