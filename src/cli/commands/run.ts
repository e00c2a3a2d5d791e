import { Command, InvalidArgumentError } from 'commander';
import { PromptOsError } from '../../contracts/errors.js';
import type { CommandContext } from '../context.js';
import type { RecoverOptions } from '../recover/recover-run.js';
import { RUN_ARGUMENT } from '../select-run.js';
import type { WatchOptions } from '../show-run.js';
import type { UseOptions } from '../uses/selectors.js';

function positiveNumber(text: string): number {
  const number = Number(text);
  if (!Number.isInteger(number) || number < 1) throw new InvalidArgumentError('expected a number from 1.');
  return number;
}

const collect = (value: string, before: readonly string[] = []): readonly string[] => [...before, value];

/** `promptos run list|status|watch|cancel|recover`: looks at runs, ends one, and finishes one that is stuck. */
export function runCommand(context: CommandContext): Command {
  const list = new Command('list')
    .description('list the runs, the newest first')
    .option('--limit <n>', 'how many at most', positiveNumber, 20)
    .option('--prompt <id>', 'only runs that use a prompt: P05, P05@1.0.0 or P05@sha256:…', collect)
    .option('--pack <version>', 'only runs that use a prompt pack: v1.2.3 or sha256:…', collect)
    .option('--policy <sha256>', 'only runs under a policy: sha256:…', collect)
    .option('--model <name>', 'only runs in which a model was requested or served', collect)
    .addHelpText(
      'after',
      '\nExamples:\n  promptos run list\n  promptos run list --json --limit 100 | jq -r .run_id\n  promptos run list --prompt P05@1.0.0 --model example-model\n\nAn open run shows what it waits for, and who may answer. Without a Temporal server the runs are listed from the store.\nWith several of --prompt, --pack, --policy and --model all must hold. An open run counts with every prompt of its pack.',
    )
    .action(async ({ limit, ...wanted }: { readonly limit: number } & UseOptions) => {
      const { listRuns } = await import('../list-runs.js');
      await listRuns(context, limit, wanted);
    });
  const status = new Command('status')
    .description('show the gates of a run, what it awaits, and how to answer')
    .argument('<run>', RUN_ARGUMENT)
    .addHelpText('after', '\nExamples:\n  promptos run status latest\n  promptos run status 20260102-fix-sum --json')
    .action(async (run: string) => {
      const { showRun } = await import('../show-run.js');
      await showRun(context, run);
    });
  const watch = new Command('watch')
    .description('follow a run until it has ended; exit 0 when it was approved, 1 otherwise')
    .argument('<run>', RUN_ARGUMENT)
    .option('--as <name>', 'ask on this terminal for each decision, as this integrator')
    .option('--key <file>', 'the key to sign with (default: the key file of --as, else ssh-agent)')
    .addHelpText(
      'after',
      '\nExamples:\n  promptos run watch latest\n  promptos run watch 20260102-fix-sum --as grace\n\nCtrl-C stops watching; the run goes on.',
    )
    .action(async (run: string, options: WatchOptions) => {
      const { watchRun } = await import('../show-run.js');
      await watchRun(context, run, options);
    });
  const cancel = new Command('cancel')
    .description('ask a run to end as cancelled; it still publishes its record')
    .argument('<run>', RUN_ARGUMENT)
    .addHelpText('after', '\nExample:\n  promptos run cancel 20260102-fix-sum')
    .action(async (run: string) => {
      const { cancelRun } = await import('../show-run.js');
      await cancelRun(context, run);
    });
  const recover = new Command('recover')
    .description('finish a run whose record could not be published, or write down what there is of it')
    .argument('<run>', RUN_ARGUMENT)
    .option('--tree <dir>', 'a folder for what there is (default: RUN.incomplete)')
    .option('--bundle <file>', 'one file for it, instead of a folder')
    .addHelpText(
      'after',
      `
Where the ledger is whole and this machine serves the engine with its key, the run is finished as a worker would: verified,
sealed and published. Else everything that the store and the server have of it is written outside of the store, marked
by INCOMPLETE.json: \`promptos verify\` calls it incomplete and never verified. A run that goes on by itself is left alone.

Exits with 0 when the record is published, with 1 when what was written is incomplete.

Examples:
  promptos run recover 20260102-fix-sum
  promptos run recover 20260102-fix-sum --bundle 20260102-fix-sum.incomplete.tar`,
    )
    .action(async (run: string, options: RecoverOptions) => {
      if (options.tree !== undefined && options.bundle !== undefined) {
        throw new PromptOsError('USAGE', 'Expected either --tree DIR or --bundle FILE, received both.');
      }
      const { recoverRun } = await import('../recover/recover-run.js');
      await recoverRun(context, run, options);
    });
  return new Command('run')
    .description('list, show, watch, cancel and recover runs')
    .addHelpText('after', '\nExample:\n  promptos run status latest')
    .addCommand(list)
    .addCommand(status)
    .addCommand(watch)
    .addCommand(cancel)
    .addCommand(recover);
}
