import { personEscalationSchema } from '../../../contracts/run/decisions.js';
import { escalateSignal } from '../../../workflows/messages.js';
import type { CommandContext } from '../../app/context.js';
import { announceRun, type SelectedRun, selectRun } from '../../app/select-run.js';
import { type OpenedRuns, withRuns } from '../read/governed-runs.js';
import { type Outgoing, readMessage, type SendingOptions, sendOrPrint } from './message.js';

export interface EscalateOptions extends SendingOptions {
  readonly issue: string;
  readonly impact?: string;
  readonly context?: string;
  readonly recommendation?: string;
  readonly option?: readonly string[];
  readonly securitySensitive?: true;
}

/**
 * `escalate`: nothing of the run starts until an integrator has resolved it.
 * @throws PromptOsError RUN_NOT_FOUND, RUN_AMBIGUOUS, DECISION_REFUSED, USAGE, MESSAGE_HOLDS_SECRET
 */
export async function escalateRun(context: CommandContext, given: string, options: EscalateOptions): Promise<void> {
  const { issue, impact, context: situation, recommendation, option, securitySensitive, as, key, print } = options;
  const said = { actor: as, issue, impact, context: situation, recommendation, options: option };
  const output = context.output();
  await withRuns(
    context,
    async (session) => {
      const run = await selectRun(given, session);
      announceRun(run, output);
      const outgoing = await escalationOf(session, run, { ...said, security_sensitive: securitySensitive });
      await sendOrPrint(session, run, outgoing, print, output);
    },
    { key },
  );
}

/**
 * An escalation of a run, ready to leave.
 * @param said the fields of the message, but for the run's own
 * @throws PromptOsError RUN_NOT_FOUND, USAGE, MESSAGE_HOLDS_SECRET
 */
export async function escalationOf(
  { runs }: Pick<OpenedRuns, 'runs'>,
  { run_id }: Pick<SelectedRun, 'run_id'>,
  said: Readonly<Record<string, unknown>>,
): Promise<Outgoing> {
  const escalation = readMessage(personEscalationSchema, { ...said, run_id });
  const { policy_sha256 } = await runs.describe(run_id);
  const policy = policy_sha256 === '' ? undefined : policy_sha256;
  return {
    signal: escalateSignal.name,
    what: 'the escalation',
    seal: () => runs.sealEscalation(run_id, escalation, policy),
    send: () => runs.escalate(run_id, escalation, policy),
  };
}
