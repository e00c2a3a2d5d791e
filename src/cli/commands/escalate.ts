import { Command } from 'commander';
import type { CommandContext } from '../context.js';
import { RUN_ARGUMENT } from '../global-options.js';
import { addSendingOptions } from './approve.js';

interface EscalateOptions {
  readonly issue: string;
  readonly impact?: string;
  readonly context?: string;
  readonly recommendation?: string;
  readonly option?: readonly string[];
  readonly securitySensitive?: true;
  readonly as?: string;
  readonly key?: string;
  readonly print?: true;
}

const ESCALATE_EXAMPLES = `
Example:
  promptos escalate latest --issue "The request contradicts ADR 7" --option "Change the request" --option "Change the ADR" --as ada

With --as the escalation is signed. Any principal may escalate. Where the policy asks for signatures, one without --as is
a hold: it stops the run as well, and whoever sent it is a claim. Nothing new starts until an integrator has resolved it:
promptos resolve RUN.`;

const collect = (text: string, before: readonly string[] = []): readonly string[] => [...before, text];

/** `promptos escalate`: a person stops a run until an integrator decides how it goes on. */
export function escalateCommand(context: CommandContext): Command {
  const command = new Command('escalate')
    .description('raise a Governance Escalation (P08): the run stops until an integrator resolves it')
    .argument('<run>', RUN_ARGUMENT)
    .requiredOption('--issue <text>', 'what is wrong')
    .option('--impact <text>', 'what happens if nobody acts')
    .option('--context <text>', 'what a decider must know')
    .option('--recommendation <text>', 'what you would do, and why')
    .option('--option <text>', 'what could be done; may be given several times', collect)
    .option('--security-sensitive', 'it is a matter of security')
    .option('--as <name>', 'who escalates')
    .addHelpText('after', ESCALATE_EXAMPLES);
  return addSendingOptions(command).action(async (given: string, options: EscalateOptions) => {
    const { issue, impact, context: situation, recommendation, option, securitySensitive, as, key, print } = options;
    const [
      { withRuns },
      { selectRun },
      { announceRun },
      { readMessage },
      { reportDelivery },
      { printMessage },
      { escalateSignal },
      { personEscalationSchema },
    ] = await Promise.all([
      import('../governed-runs.js'),
      import('../select-run.js'),
      import('../selected-run.js'),
      import('../require-binding.js'),
      import('../decide-as.js'),
      import('../print-message.js'),
      import('../../workflows/messages.js'),
      import('../../contracts/decisions.js'),
    ]);
    await withRuns(
      context,
      async (session) => {
        const { runs } = session;
        const run = await selectRun(given, session);
        announceRun(run, context.output());
        const runId = run.run_id;
        const escalation = readMessage(personEscalationSchema, {
          ...{ run_id: runId, actor: as, issue, impact, context: situation, recommendation },
          options: option,
          security_sensitive: securitySensitive,
        });
        const { policy_sha256 } = await runs.describe(runId);
        const policy = policy_sha256 === '' ? undefined : policy_sha256;
        if (print === true) {
          const message = await runs.sealEscalation(runId, escalation, policy);
          const { temporal } = session;
          return printMessage({ message, signal: escalateSignal.name, runId, temporal }, context.output());
        }
        reportDelivery(await runs.escalate(runId, escalation, policy), 'the escalation', context.output(), run);
      },
      { key },
    );
  });
}
