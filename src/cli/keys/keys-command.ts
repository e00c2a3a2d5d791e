import { resolve } from 'node:path';
import { Command, type CommandUnknownOpts, Option } from '@commander-js/extra-typings';
import { stringify } from 'yaml';
import { publicFileOf, publicKeyOfLine } from '../../adapters/keys/describe-key.js';
import { generatePrivateKey } from '../../adapters/keys/generate-key.js';
import { keyFileOf, refuseExistingKey, writeKeyFile } from '../../config/key-files.js';
import { PromptOsError } from '../../contracts/errors.js';
import { PRINCIPAL_KINDS } from '../../contracts/policy.js';
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

interface GenerateOptions {
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

async function generate(
  context: CommandContext,
  options: GenerateOptions,
  questions: PassphraseQuestions,
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

async function show(context: CommandContext, given: string, questions: PassphraseQuestions): Promise<void> {
  const { path, publicKey, holds } = await readNamedKey(context, given, questions);
  const output = context.output();
  const line = publicKeyLine(publicKey);
  if (output.json) output.emit({ path, public: line, keyid: publicKey.keyid, holds });
  else output.say(`${line}\n${publicKey.keyid}`);
}

async function fingerprint(
  context: CommandContext,
  words: readonly string[],
  questions: PassphraseQuestions,
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

async function list(context: CommandContext): Promise<void> {
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

const keysSubcommand = (name: string, description: string, example: string) =>
  new Command(name)
    .description(description)
    .option('--json', 'print one JSON object instead')
    .addHelpText('after', `\nExample:\n  promptos keys ${example}`);

/** `promptos keys generate|show|fingerprint|list`: the keys that people and workers sign with. */
export function keysCommand(
  context: CommandContext,
  questions: PassphraseQuestions = terminalPassphrase,
): CommandUnknownOpts {
  const generateCommand = keysSubcommand(
    'generate',
    'make a private key, and print what the policy needs',
    'generate --for grace',
  )
    .requiredOption('--for <name>', 'the principal, as the policy names it; "engine" for the engine')
    .addOption(
      new Option('--kind <kind>', 'what the principal is, for the policy').choices(PRINCIPAL_KINDS).default('human'),
    )
    .option('--no-passphrase', 'leave the key without a passphrase (otherwise one is asked for)')
    .option('--force', 'replace the key that is there')
    .option('--out <file>', "write the key there (default: the user's folder of keys)")
    .action((options) => generate(context, options, questions));
  const showCommand = keysSubcommand('show', 'print the public key and its fingerprint', 'show grace')
    .argument('<key>', 'a name of `promptos keys list`, or a file')
    .action((given) => show(context, given, questions));
  const fingerprintCommand = keysSubcommand(
    'fingerprint',
    'print the fingerprint, as `ssh-keygen -l` does',
    'fingerprint "ssh-ed25519 AAAA…"',
  )
    .argument('<key...>', 'a name of `promptos keys list`, a file, or a line such as "ssh-ed25519 AAAA…"')
    .action((words) => fingerprint(context, words, questions));
  const listCommand = keysSubcommand('list', 'list your keys, and which have no passphrase', 'list').action(() =>
    list(context),
  );
  return new Command('keys')
    .description('make and show the keys that decisions and gates are signed with')
    .addHelpText('after', '\nExample:\n  promptos keys generate --for grace')
    .addCommand(generateCommand)
    .addCommand(showCommand)
    .addCommand(fingerprintCommand)
    .addCommand(listCommand);
}
