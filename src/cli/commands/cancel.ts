import { Command } from 'commander';
import type { CancelOptions } from '../cancel-run.js';
import type { CommandContext } from '../context.js';
import { addSendingOptions } from './approve.js';

const CANCELLED_RUN_ARGUMENT =
  'the run: its id, the beginning of its id, or "latest", the only open one of this repository';

const CANCEL_EXAMPLES = `
Examples:
  promptos run cancel latest                 shows the run, and asks who cancels it and why
  promptos run cancel 20260102-fix-sum --as ada --reason "Started from the wrong branch" --yes

Without a terminal, as in a script, the line says who cancels, why, and --yes. Without a worker the signed message waits
in the run's history. Exits with 1 when the cancellation was refused, with 0 when it counted or waits for a worker.
A cancellation by Temporal's own means ends the run too; the record then says that nobody signed it.`;

/** `promptos run cancel`: ends a run, signed by whoever may. */
export const cancelCommand = (context: CommandContext): Command =>
  addSendingOptions(
  new Command('cancel')
    .description('end a run as cancelled; in a terminal it shows the run and asks; the record is published')
    .argument('<run>', CANCELLED_RUN_ARGUMENT)
    .option('--as <name>', 'who cancels: the developer who started the run, an integrator, or whom the policy names')
    .option('--reason <text>', 'why; the record shows it')
    .option('--yes', 'send it without asking')
    .addHelpText('after', CANCEL_EXAMPLES),
  ).action(async (run: string, options: CancelOptions) => {
      const { cancelRun } = await import('../cancel-run.js');
      await cancelRun(context, run, options);
    });
