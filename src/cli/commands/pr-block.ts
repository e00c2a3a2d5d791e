import { Command } from 'commander';
import { DEFAULT_ARTIFACTS_DIR, prBlock } from '../../governance/pr-block.js';
import { readPublishedRun, type StoreCommandContext } from '../published-run.js';

/** `promptos pr-block`: the lines that a pull request quotes. */
export function prBlockCommand(context: StoreCommandContext): Command {
  return new Command('pr-block')
    .description('print the block for the description of a pull request')
    .argument('<run>', 'the id of a run that has ended')
    .option('--artifacts-dir <dir>', 'the folder of the exported session in the pull request', DEFAULT_ARTIFACTS_DIR)
    .addHelpText(
      'after',
      `
Example:
  $ promptos pr-block 20260102-fix-sum >> pr-body.md`,
    )
    .action(async (run: string, { artifactsDir }: { readonly artifactsDir: string }) => {
      const facts = await readPublishedRun(await context.openStore(), run);
      const block = prBlock({ ...facts, artifactsDir });
      context.output().say(block);
      context.output().emit({ run_id: run, pr_block: block });
    });
}
