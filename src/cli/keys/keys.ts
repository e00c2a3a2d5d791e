import { existsSync } from 'node:fs';
import { resolve } from 'node:path';
import { stringify } from 'yaml';
import { createTextSigner } from '../../adapters/keys/file-signer.js';
import {
  describeKeyFile,
  generatePrivateKey,
  type KeyDescription,
  publicFileOf,
  publicKeyOfLine,
} from '../../adapters/keys/key-files.js';
import { type AskPassphrase, readPassphraseFile, readPrivateFile } from '../../adapters/keys/read-private-file.js';
import { readEnvironment } from '../../config/environment.js';
import { keyFileOf, listKeyNames, refuseExistingKey, writeKeyFile } from '../../config/key-files.js';
import { keysFolder } from '../../config/user-folders.js';
import { ENGINE_SIGNER } from '../../contracts/config/signer-config.js';
import { PromptOsError } from '../../contracts/errors.js';
import type { PRINCIPAL_KINDS } from '../../contracts/names.js';
import { nameSchema } from '../../contracts/primitives.js';
import { type PublicKey, publicKeyLine } from '../../domain/attest/public-keys.js';
import type { Signer } from '../../ports/signer.js';
import type { CommandContext } from '../app/context.js';
import { askOnce } from '../app/questions.js';
import { interrupt, withoutBreak } from '../app/stop-signals.js';

/** What is asked on a terminal; nothing that is typed is shown. Null: the person broke off. */
export interface PassphraseQuestions {
  passphrase(message: string): Promise<string | null>;
}

export const terminalPassphrase: PassphraseQuestions = {
  // Where nothing was typed, the library's answer is undefined.
  passphrase: (message) => askOnce(async ({ password }) => (await password({ message })) ?? ''),
};

/** The passphrase of a key that is there: from the file that PROMPTOS_PASSPHRASE_FILE names, else asked for. */
const askPassphrase =
  (context: CommandContext, path: string, questions: PassphraseQuestions): AskPassphrase =>
  async () => {
    const file = passphraseFile(context);
    if (file !== null) return readPassphraseFile(file);
    if (context.output().interactive) return answered(questions.passphrase(`Passphrase of ${path}`));
    throw new PromptOsError('KEY_LOCKED', `The key ${path} has a passphrase, and there is no terminal to ask for it.`);
  };

/** Whether a person types passphrases here: no file gives them. */
const canAskPassphrase = (context: CommandContext): boolean =>
  context.output().interactive && passphraseFile(context) === null;

/**
 * A passphrase for a key that is to be made; asked twice.
 * @param what what the question calls the key
 * @throws PromptOsError USAGE when there is no terminal to ask on, or the two differ
 */
export async function askNewPassphrase(
  context: CommandContext,
  questions: PassphraseQuestions,
  what = 'the new key',
): Promise<string> {
  const file = passphraseFile(context);
  if (file !== null) return readPassphraseFile(file);
  if (!context.output().interactive) {
    throw new PromptOsError('USAGE', 'Expected a passphrase, and there is no terminal to ask for one.', {
      hint: 'Name a file with PROMPTOS_PASSPHRASE_FILE, or say --no-passphrase.',
    });
  }
  const first = await answered(questions.passphrase(`Passphrase for ${what}`));
  if (first === '') {
    throw new PromptOsError('USAGE', 'Expected a passphrase, received none.', {
      hint: 'Type one, or say --no-passphrase.',
    });
  }
  if ((await answered(questions.passphrase('The same again'))) === first) return first;
  throw new PromptOsError('USAGE', 'The two passphrases differ; no key was made.', { hint: 'Try again.' });
}

function passphraseFile(context: CommandContext): string | null {
  const file = readEnvironment(context.env).promptos.PROMPTOS_PASSPHRASE_FILE;
  return file === undefined ? null : resolve(context.cwd, file);
}

async function answered(answer: Promise<string | null>): Promise<string> {
  const text = await answer;
  if (text !== null) return text;
  interrupt();
  throw new PromptOsError('USAGE', 'The question for the passphrase was broken off.');
}

/** How often a person is asked before the command gives up. */
const TRIES = 3;

/**
 * The key of a file. On a terminal a passphrase that does not open it is asked again.
 * @throws PromptOsError KEY_NOT_FOUND, KEY_NOT_READABLE, KEY_LOCKED
 */
export async function openKeyFile(
  context: CommandContext,
  path: string,
  questions: PassphraseQuestions,
): Promise<Signer> {
  // Read once: what is read again may be a pipe that is empty by then.
  const text = await readPrivateFile(path, { what: 'key', missing: 'KEY_NOT_FOUND' });
  const ask = askPassphrase(context, path, questions);
  for (let tries = 1; ; tries += 1) {
    let answered = false;
    const passphrase = async (): Promise<string> => {
      const given = await ask();
      answered = true;
      return given;
    };
    try {
      return await createTextSigner(text, path, { passphrase });
    } catch (error) {
      const wrong = answered && error instanceof PromptOsError && error.code === 'KEY_LOCKED';
      if (!wrong || tries === TRIES || !canAskPassphrase(context)) throw error;
      context.output().note(error.summary);
    }
  }
}

/** A key as it is shown; never a byte of its private half. */
export interface ShownKey {
  readonly path: string;
  readonly publicKey: PublicKey;
  readonly holds: KeyDescription['holds'];
}

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

export const keysFolderOf = (context: CommandContext): string => keysFolder(readEnvironment(context.env).variables);

/**
 * Finds the file that a person means: with a slash, or where no key has the name, it is a path; else a key's name.
 * @throws PromptOsError KEY_NOT_FOUND
 */
function findKeyFile(context: CommandContext, given: string): string {
  const path = resolve(context.cwd, given);
  const named = keyFileOf(keysFolderOf(context), given);
  const isName = !/[/\\]/.test(given);
  if (isName && existsSync(named)) return named;
  if (existsSync(path)) return path;
  throw new PromptOsError('KEY_NOT_FOUND', `There is no key ${isName ? `${named} and no file ${path}` : path}.`, {
    hint: 'Run `promptos keys list` for the names of your keys, or name the file of a key.',
  });
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

/** Every key of the user's folder, also those that cannot be used; `passphrase: false` is a key without one. */
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

export interface GenerateOptions {
  readonly for: string;
  readonly kind: (typeof PRINCIPAL_KINDS)[number];
  /** False with `--no-passphrase`. */
  readonly passphrase: boolean;
  readonly force?: true;
  readonly out?: string;
}

/** The policy's whole entry for a new key, so that it can be pasted. */
function policyLines(name: string, kind: string, line: string): string {
  const keys = { keys: [{ public: line }] };
  const lines = name === ENGINE_SIGNER ? { engine: keys } : { principals: { [name]: { kind, ...keys } } };
  return stringify(lines, { lineWidth: 0 }).trimEnd();
}

export async function generateKey(
  context: CommandContext,
  options: GenerateOptions,
  questions: PassphraseQuestions = terminalPassphrase,
): Promise<void> {
  const { for: name, out, force = false } = options;
  const checked = nameSchema.safeParse(name);
  if (!checked.success) {
    throw new PromptOsError('USAGE', `--for: ${checked.error.issues[0]?.message}, received "${name}".`);
  }
  const path = out === undefined ? keyFileOf(keysFolderOf(context), name) : resolve(context.cwd, out);
  const publicPath = publicFileOf(path);
  if (!force) await refuseExistingKey({ path, publicPath });
  const passphrase = options.passphrase ? await askNewPassphrase(context, questions) : null;
  const { pem, publicKey } = generatePrivateKey(passphrase);
  const publicLine = `${publicKeyLine(publicKey)} ${name}`;
  const report = (): void => {
    const output = context.output();
    const policy = policyLines(name, options.kind, publicLine);
    if (output.json) {
      const passphrased = passphrase !== null;
      output.emit({ name, path, public: publicLine, keyid: publicKey.keyid, passphrase: passphrased, policy });
      return;
    }
    output.say(`private key  ${path} (mode 0600, ${passphrase === null ? 'no passphrase' : 'with passphrase'})`);
    output.say(`fingerprint  ${publicKey.keyid}`);
    output.say(`\nAdd to the policy:\n\n${policy}`);
    if (passphrase === null)
      output.note('warning: whatever runs as you can sign with this key; docs/keys.md says more.');
  };
  // The next call refuses a key that is there, also one whose public half was not written yet.
  await withoutBreak(() => writeKeyFile({ path, pem, publicPath, publicLine }, force), report);
  report();
}

export async function showKey(
  context: CommandContext,
  given: string,
  questions: PassphraseQuestions = terminalPassphrase,
): Promise<void> {
  const { path, publicKey, holds } = await readNamedKey(context, given, questions);
  const output = context.output();
  const line = publicKeyLine(publicKey);
  if (output.json) output.emit({ path, public: line, keyid: publicKey.keyid, holds });
  else output.say(`${line}\n${publicKey.keyid}`);
}

export async function showFingerprint(
  context: CommandContext,
  words: readonly string[],
  questions: PassphraseQuestions = terminalPassphrase,
): Promise<void> {
  const given = words.join(' ');
  const isLine = /^\S+ AAAA/.test(given);
  const { keyid }: PublicKey = isLine
    ? publicKeyOfLine(given, 'the public key')
    : (await readNamedKey(context, given, questions)).publicKey;
  const output = context.output();
  if (output.json) output.emit({ keyid });
  else output.say(keyid);
}

export async function showKeys(context: CommandContext): Promise<void> {
  const folder = keysFolderOf(context);
  const keys = await listKeys(folder);
  const output = context.output();
  if (output.json) {
    const shown = keys.map(({ publicKey, ...key }) => ({
      ...key,
      keyid: publicKey?.keyid ?? null,
      public: publicKey === null ? null : publicKeyLine(publicKey),
    }));
    output.emit({ folder, keys: shown });
    return;
  }
  if (keys.length === 0) output.say(`no keys in ${folder}`);
  const width = Math.max(...keys.map(({ name }) => name.length));
  for (const { name, publicKey, passphrase, problem } of keys) {
    const lock = passphrase === true ? 'with passphrase' : 'NO PASSPHRASE';
    output.say(`${name.padEnd(width)}  ${problem ?? `${publicKey?.keyid ?? '(locked)'}  ${lock}`}`);
  }
}
