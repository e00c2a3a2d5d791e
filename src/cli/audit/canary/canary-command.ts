import { Command, type CommandUnknownOpts, Option } from '@commander-js/extra-typings';
import { ASKED_GATES } from '../../../canary/seeded/ask-seeded.js';
import { BUG_LANGUAGES } from '../../../canary/seeded/seeded-bug.js';
import { PromptOsError } from '../../../contracts/errors.js';
import type { CommandContext } from '../../app/context.js';
import { positiveNumber } from '../../app/options.js';

const HELP = `
Makes a throw-away repository, plants one known violation after the other into runs on it, and says which gate and rule
caught each: paths out of scope, credentials, failing and weakened tests, dependencies that no plan names, injected
instructions, hidden characters and more. The gates are carried out by the code of a worker, with git, a store and the
rules; no Temporal server and no model takes part. An honest change goes first, in which nothing may be found.

The policy of the repository, or that of --policy, gives limits, protected paths and tests, and agent files. Principals and
checks are those of the canaries. Without a policy a built-in one is used.

With --executor, an executor of the worker config is measured instead: it verifies (P06) and reviews (P07) changes with
seeded bugs of six classes in three languages, and the same changes without the bug. This calls its model, and costs what
that costs. The report has, for each version of a prompt and model, how many bugs were caught, how many honest changes were
objected to, and how many answers had the asked form at the first try.

Exit codes: 0 every canary was caught, or an executor was measured; 1 a canary was not caught, the honest change did not
pass, or the executor cannot be asked; 2 wrong usage; 3 infrastructure.

Examples:
  $ promptos canary
  $ promptos canary --policy trusted.yaml --json
  $ promptos canary --class secret
  $ promptos canary --executor reviewer-agent --gate P07 --report review.json`;

/** Those that would change nothing without an executor. */
const MEASURE_OPTIONS = {
  workerConfig: '--worker-config',
  gate: '--gate',
  language: '--language',
  repeat: '--repeat',
  report: '--report',
} as const;

/** @throws PromptOsError USAGE */
function refuseMeasureOptions(options: Readonly<Record<string, unknown>>): void {
  for (const [name, option] of Object.entries(MEASURE_OPTIONS)) {
    if (options[name] === undefined) continue;
    throw new PromptOsError('USAGE', `${option}: expected --executor with it, received none.`, {
      hint: 'Name the executor to measure with --executor; without one, canaries are planted and no model is asked.',
    });
  }
}

export function canaryCommand(context: CommandContext): CommandUnknownOpts {
  return new Command('canary')
    .option('--policy <file>', 'the policy (default: that of the repository, where it has one)')
    .option('--class <name>', 'plant the canaries, or with --executor the bugs, of one class alone')
    .addOption(new Option('--executor <name>', 'measure this executor of the worker config').conflicts('policy'))
    .option('--worker-config <file>', 'with --executor: the worker config (default: that of the repository)')
    .addOption(
      new Option('--gate <gate...>', 'with --executor: the gates to ask at (default: P06 P07)').choices(ASKED_GATES),
    )
    .addOption(
      new Option('--language <name>', 'with --executor: the bugs of one language alone').choices(BUG_LANGUAGES),
    )
    .option('--repeat <number>', 'with --executor: how often it is asked about each change', positiveNumber)
    .option('--report <file>', 'with --executor: write the report here, as JSON')
    .addHelpText('after', HELP)
    .action(async ({ executor, ...options }) => {
      if (executor === undefined) {
        refuseMeasureOptions(options);
        return (await import('./run-canaries.js')).runCanaries(context, options);
      }
      return (await import('./measure-executor.js')).measureExecutor(context, { ...options, executor });
    });
}
