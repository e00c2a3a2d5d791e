import { Command, type CommandUnknownOpts, Option } from '@commander-js/extra-typings';
import type { CommandContext } from '../app/context.js';
import type { InitQuestions } from './first-people.js';

const EXAMPLES = `
Examples:
  $ promptos init --alone
  $ promptos init --not-alone --developer ada --integrator grace --integrator-key "ssh-ed25519 AAAA…"
  $ promptos init --share-with developers
`;

/** `promptos init`: the first policy, worker config and keys of a repository. */
export function initCommand(context: CommandContext, questions?: InitQuestions): CommandUnknownOpts {
  return new Command('init')
    .option('-y, --yes', 'ask nothing; what is not said is answered the careful way')
    .addOption(
      new Option('--alone', 'you are alone on this repository and decide on your own runs').conflicts([
        'notAlone',
        'integratorKey',
      ]),
    )
    .option('--not-alone', 'another person decides on your runs')
    .option('--developer <name>', 'who starts runs (default: the name that git knows)')
    .option('--integrator <name>', 'who decides on them')
    .option(
      '--integrator-key <key>',
      "the integrator's own public key: its line, or a file with it; without it, it is asked for, else one is made here",
    )
    .option('--no-passphrase', "leave the people's new keys without a passphrase (otherwise one is asked for)")
    .option('--force', 'replace a policy and a worker config that are there; keys are never replaced')
    .option(
      '--share-with <group>',
      "let a group of this machine's users use the state and the store; on a repository that has its files, only this",
    )
    .option('--json', 'print one JSON object instead')
    .addHelpText('after', EXAMPLES)
    .action(async (options) => (await import('./init-project.js')).initProject(context, options, questions));
}
