import { Command, type CommandUnknownOpts } from '@commander-js/extra-typings';
import { DEFAULT_ARTIFACTS_DIR } from '../../contracts/names.js';
import { RUN_ARGUMENT } from '../app/options.js';
import type { StoreCommandContext } from '../app/published-run.js';

/** `promptos export`: takes a run's session, or its whole tree, out of the store into the user's files. */
export function exportCommand(context: StoreCommandContext): CommandUnknownOpts {
  return new Command('export')
    .option('--artifacts-dir <dir>', 'the evidence folder: prompt_session.json and its sidecar go there')
    .option('--tree <dir>', 'a folder for the whole published tree')
    .option('--bundle <file>', 'one file for the whole published tree, the same bytes wherever it is written')
    .option(
      '--run <id>',
      'the run (default: "latest", the newest of this repository, else the last that dev started from here)',
    )
    .option('--session-file <file>', 'a prompt_session.json to check and copy, instead of a run')
    .option('--force', 'replace files that are there and differ', false)
    .addHelpText(
      'after',
      `
Examples:
  $ promptos export --artifacts-dir artifacts/evidence
  $ promptos export --tree ./run --run 20260102-fix-sum
  $ promptos export --bundle artifacts/evidence/20260102-fix-sum.tar --run 20260102-fix-sum`,
    )
    .action(async (options) => (await import('./trees/export-run.js')).exportRun(context, options));
}

/** `promptos pr-block`: the lines that a pull request quotes. */
export function prBlockCommand(context: StoreCommandContext): CommandUnknownOpts {
  return new Command('pr-block')
    .argument('<run>', `${RUN_ARGUMENT}; it has ended`)
    .option('--artifacts-dir <dir>', 'the folder of the exported session in the pull request', DEFAULT_ARTIFACTS_DIR)
    .addHelpText(
      'after',
      `
Example:
  $ promptos pr-block 20260102-fix-sum >> pr-body.md`,
    )
    .action(async (run, { artifactsDir }) =>
      (await import('./trees/export-run.js')).printPrBlock(context, run, artifactsDir),
    );
}
