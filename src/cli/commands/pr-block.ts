import { Command } from 'commander';
import { DEFAULT_ARTIFACTS_DIR, prBlock } from '../../domain/record/pr-block.js';
import { readPublishedRun, type StoreCommandContext } from '../published-run.js';
import { selectPublishedRun } from '../select-published-run.js';
import { RUN_ARGUMENT } from '../select-run.js';

/** `promptos pr-block`: the lines that a pull request quotes. */
export function prBlockCommand(context: StoreCommandContext): Command {
  return new Command('pr-block')
    .description('print the block for the description of a pull request')
    .argument('<run>', `${RUN_ARGUMENT}; it has ended`)
    .option('--artifacts-dir <dir>', 'the folder of the exported session in the pull request', DEFAULT_ARTIFACTS_DIR)
    .addHelpText(
      'after',
      `
Example:
  $ promptos pr-block 20260102-fix-sum >> pr-body.md`,
    )
    .action(async (given: string, { artifactsDir }: { readonly artifactsDir: string }) => {
      const store = await context.openStore();
      const run = await selectPublishedRun(context, given, store);
      const facts = await readPublishedRun(store, run);
      const block = prBlock({ ...facts, artifactsDir });
      context.output().say(block);
      context.output().emit({ run_id: run, pr_block: block });
    });
}
