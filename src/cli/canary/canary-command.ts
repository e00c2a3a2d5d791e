import { Command, type CommandUnknownOpts } from '@commander-js/extra-typings';
import type { CommandContext } from '../app/context.js';

const HELP = `
Makes a throw-away repository, plants one known violation after the other into runs on it, and says which gate and rule
caught each: paths out of scope, credentials, failing and weakened tests, dependencies that no plan names, injected
instructions, hidden characters and more. The gates are carried out by the code of a worker, with git, a store and the
rules; no Temporal server and no model takes part. An honest change goes first, in which nothing may be found.

The policy of the repository, or that of --policy, gives limits, protected paths and tests, and agent files. Principals and
checks are those of the canaries. Without a policy a built-in one is used.

Exit codes: 0 every canary was caught; 1 one was not, or the honest change did not pass; 2 wrong usage; 3 infrastructure.

Examples:
  $ promptos canary
  $ promptos canary --policy trusted.yaml --json
  $ promptos canary --class secret`;

export function canaryCommand(context: CommandContext): CommandUnknownOpts {
  return new Command('canary')
    .option('--policy <file>', 'the policy (default: that of the repository, where it has one)')
    .option('--class <name>', 'plant the canaries of one class alone')
    .addHelpText('after', HELP)
    .action(async (options) => (await import('./run-canaries.js')).runCanaries(context, options));
}
