import { resolve } from 'node:path';
import { stringify } from 'yaml';
import { generatePrivateKey, publicFileOf, publicKeyOfLine } from '../../adapters/keys/key-files.js';
import { keyFileOf, refuseExistingKey, writeKeyFile } from '../../config/key-files.js';
import { PromptOsError } from '../../contracts/errors.js';
import type { PRINCIPAL_KINDS } from '../../contracts/names.js';
import { nameSchema } from '../../contracts/primitives.js';
import { ENGINE_SIGNER } from '../../contracts/worker-config.js';
import { type PublicKey, publicKeyLine } from '../../domain/attest/public-keys.js';
import type { CommandContext } from '../app/context.js';
import {
  askNewPassphrase,
  keysFolderOf,
  listKeys,
  type PassphraseQuestions,
  readNamedKey,
  terminalPassphrase,
} from './key-files.js';

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
  await writeKeyFile({ path, pem, publicPath, publicLine }, force);
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
  if (passphrase === null) output.note('warning: whatever runs as you can sign with this key; docs/keys.md says more.');
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
