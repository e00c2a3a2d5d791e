import { buffer } from 'node:stream/consumers';
import { Command, type CommandUnknownOpts, Option } from '@commander-js/extra-typings';
import type { CommandContext } from '../../app/context.js';

const CHANGES = ['patch', 'staged', 'range'];

const HELP = `
Judges a change by the rules that P05 and P06 judge a patch with (docs/rules.md), and says what they find. Without --patch,
--staged, --range and --base it takes the files of the working tree, files that git ignores left out, as a change of HEAD.

Exit codes: 0 no finding blocks; 1 one does, also for a change that is empty; 2 wrong usage, such as a job that cannot be
read; 3 infrastructure.

Examples:
  $ promptos check --job job.json                              what an agent does before it answers
  $ promptos check --job job.json --plan plan.json --staged    what a pre-commit hook does
  $ promptos check --job exported-run --base origin/main --policy trusted.yaml --sarif check.sarif
  $ promptos check --job job.json --patch change.patch
  $ promptos hooks install --job job.json                      checks every commit`;

export function checkCommand(
  context: CommandContext,
  readInput: () => Promise<Uint8Array> = () => buffer(process.stdin),
): CommandUnknownOpts {
  return new Command('check')
    .requiredOption('--job <file>', 'a job.json, or the folder of a run that was exported with --tree')
    .option('--plan <file>', 'a plan.json: the change must keep to its files (default: that of the folder of --job)')
    .option('--policy <file>', 'the policy (default: that of the repository)')
    .addOption(new Option('--patch <file>', 'a patch on HEAD or on --base; "-" reads it from standard input'))
    .addOption(
      new Option('--staged', 'what is staged, as a change of HEAD').conflicts(
        CHANGES.filter((name) => name !== 'staged'),
      ),
    )
    .addOption(
      new Option('--range <commits>', 'A..B from A to B, A...B from where B left A').conflicts([
        'patch',
        'staged',
        'base',
      ]),
    )
    .addOption(
      new Option('--base <commit>', 'HEAD since it left this commit; with --patch the commit that it is for').conflicts(
        ['staged', 'range'],
      ),
    )
    .option('--sarif <file>', 'write the findings as SARIF 2.1.0 as well; "-" is standard output')
    .addHelpText('after', HELP)
    .action(async (options) => (await import('./check-change.js')).checkChange(context, options, readInput));
}
