import { Command, Option } from 'commander';
import { GATE_IDS } from '../../contracts/names.js';
import type { DecisionOptions } from '../answer-decision.js';
import type { CommandContext } from '../context.js';
import { WAITING_RUN_ARGUMENT } from '../global-options.js';
import { addDecisionOptions, gateOption } from './approve.js';

const REJECT_EXAMPLES = `
Examples:
  promptos reject latest                     shows what is to be decided, and asks
  promptos reject 20260102-fix-sum --gate P06 --as grace --comment "Cents get lost; see the failing test"
  promptos reject 20260102-fix-sum --gate P05 --as grace --comment "Wrong approach" --to P03
  promptos reject 20260102-fix-sum --as grace --comment "Not needed any more" --final --yes

In a terminal it shows what is decided and asks, unless --yes is given. Without one, as in a script, the line names who
decides and the gate, or says --yes. Without --to, Verify and Review go back to the builder, and the other gates try again. What comes after the gate named is
void. Exits with 1 when the decision was refused, with 0 when it counted or waits for a worker.`;

/** `promptos reject`: an integrator's no, with its reason. */
export function rejectCommand(context: CommandContext): Command {
  const command = new Command('reject')
    .description('send a run back with a reason, or end it as rejected')
    .argument('<run>', WAITING_RUN_ARGUMENT)
    .addOption(gateOption())
    .option('--as <name>', 'who decides: an integrator of the policy')
    .option('--comment <text>', 'the reason: the next attempt gets it to read')
    .addOption(new Option('--to <gate>', 'the gate to go back to').choices(GATE_IDS).conflicts('final'))
    .option('--final', 'end the run as rejected')
    .addHelpText('after', REJECT_EXAMPLES);
  return addDecisionOptions(command).action(async (run: string, options: DecisionOptions) => {
    const [{ answer }, { decisionAnswer }] = await Promise.all([
      import('../answer.js'),
      import('../answer-decision.js'),
    ]);
    await answer(context, run, options, decisionAnswer('reject', options));
  });
}
