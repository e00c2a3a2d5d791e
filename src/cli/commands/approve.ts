import { Command, InvalidArgumentError, Option } from 'commander';
import { GATE_IDS } from '../../contracts/names.js';
import type { DecisionOptions } from '../answer-decision.js';
import type { CommandContext } from '../context.js';
import { WAITING_RUN_ARGUMENT } from '../global-options.js';

const APPROVE_EXAMPLES = `
Examples:
  promptos approve latest                    shows what is to be decided, and asks
  promptos approve 20260102-fix-sum --gate P03 --as grace
  promptos approve 20260102-fix-sum --gate P07 --as grace --acknowledge review-1 review-2
  promptos approve latest --as grace --yes   asks nothing

In a terminal it shows what is decided and asks, unless --yes is given. Without one, as in a script, the line names who
decides and the gate, or says --yes. With several runs waiting, "latest" lists them and exits with 2.

A gate that the policy asks no approval for ("approvals: { P00: 0, P01: 0 }") goes on by itself, unless it failed or has a
critical or high finding. The first decision of such a run is the one on the first gate with approvals:
  promptos approve latest --gate P03 --as grace

Exits with 1 when the decision was refused, with 0 when it counted or waits for a worker.`;

function attemptNumber(text: string): number {
  if (!/^[1-9]\d{0,5}$/.test(text)) throw new InvalidArgumentError('expected a number from 1.');
  return Number(text);
}

/** What a decision alone is bound to; each is filled from the run where it is not given. */
export const addDecisionOptions = (command: Command): Command =>
  addAnswerOptions(
    command
      .option('--attempt <n>', 'the attempt that is decided on', attemptNumber)
      .option('--output <sha256>', 'the digest of what is decided on'),
    'P03.1.1',
  );

/** What every answer takes: approve, reject and resolve. */
export const addAnswerOptions = (command: Command, request: string): Command =>
  addSendingOptions(
    command
      .option('--decision-id <id>', 'an id of your choice: sent twice, the answer counts once')
      .option('--request-id <id>', `the request that is answered, whether or not it is pending, such as ${request}`)
      .option('--policy <sha256>', "the digest of the run's policy")
      .option('--yes', 'send it without asking; without a terminal: also without naming what is answered'),
  );

/** How a signed message leaves. */
export const addSendingOptions = (command: Command): Command =>
  command
    .option('--key <file>', 'the key to sign with (default: the key file of --as, else ssh-agent)')
    .option(
      '--print',
      'print the signed message instead of sending it: for a signal form, or `temporal workflow signal`',
    );

/** `--gate`, for those who want to be sure of what they decide on. */
export const gateOption = (): Option =>
  new Option('--gate <gate>', 'the gate (default: the one that awaits a decision)').choices(GATE_IDS);

/** `promptos approve`: an integrator's yes to what a gate put up. */
export function approveCommand(context: CommandContext): Command {
  const command = new Command('approve')
    .description('approve what a gate of a run puts up; in a terminal it shows it and asks')
    .argument('<run>', WAITING_RUN_ARGUMENT)
    .addOption(gateOption())
    .option('--as <name>', 'who decides: an integrator of the policy')
    .option('--comment <text>', 'a remark for the record')
    .option('--acknowledge <finding...>', 'ids of the critical and high findings that you take on')
    .addHelpText('after', APPROVE_EXAMPLES);
  return addDecisionOptions(command).action(async (run: string, options: DecisionOptions) => {
    const [{ answer }, { decisionAnswer }] = await Promise.all([
      import('../answer.js'),
      import('../answer-decision.js'),
    ]);
    await answer(context, run, options, decisionAnswer('approve', options));
  });
}
