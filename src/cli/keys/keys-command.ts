import { Command, type CommandUnknownOpts, Option } from '@commander-js/extra-typings';
import { PRINCIPAL_KINDS } from '../../contracts/names.js';
import type { CommandContext } from '../app/context.js';
import type { PassphraseQuestions } from './keys.js';

const keysSubcommand = (name: string, description: string, example: string) =>
  new Command(name)
    .description(description)
    .option('--json', 'print one JSON object instead')
    .addHelpText('after', `\nExample:\n  promptos keys ${example}`);

const load = () => import('./keys.js');

export function keysCommand(context: CommandContext, questions?: PassphraseQuestions): CommandUnknownOpts {
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
    .action(async (options) => (await load()).generateKey(context, options, questions));
  const showCommand = keysSubcommand('show', 'print the public key and its fingerprint', 'show grace')
    .argument('<key>', 'a name of `promptos keys list`, or a file')
    .action(async (given) => (await load()).showKey(context, given, questions));
  const fingerprintCommand = keysSubcommand(
    'fingerprint',
    'print the fingerprint, as `ssh-keygen -l` does',
    'fingerprint "ssh-ed25519 AAAA…"',
  )
    .argument('<key...>', 'a name of `promptos keys list`, a file, or a line such as "ssh-ed25519 AAAA…"')
    .action(async (words) => (await load()).showFingerprint(context, words, questions));
  const listCommand = keysSubcommand('list', 'list your keys, and which have no passphrase', 'list').action(async () =>
    (await load()).showKeys(context),
  );
  return new Command('keys')
    .addHelpText('after', '\nExample:\n  promptos keys generate --for grace')
    .addCommand(generateCommand)
    .addCommand(showCommand)
    .addCommand(fingerprintCommand)
    .addCommand(listCommand);
}
