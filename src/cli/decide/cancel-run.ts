import { randomUUID } from 'node:crypto';
import { PromptOsError } from '../../contracts/errors.js';
import { type Cancellation, cancellationSchema } from '../../contracts/run/decisions.js';
import { cancellers } from '../../domain/judge/judge-answers.js';
import { cancelSignal } from '../../workflows/messages.js';
import type { CommandContext } from '../app/context.js';
import { LATEST } from '../app/options.js';
import type { Output } from '../app/output.js';
import { printableLine } from '../app/printable.js';
import { projectPolicies } from '../app/project.js';
import { terminalQuestions } from '../app/questions.js';
import { announceRun, describeSelected, type SelectedRun, selectRun } from '../app/select-run.js';
import { readRunPolicy } from '../keys/signing.js';
import { readMessage, requireActor, type SendingOptions, sendOrPrint } from '../runs/messages/message.js';
import { type OpenedRuns, withRuns } from '../runs/read/governed-runs.js';
import { liveStatus } from '../runs/read/run-status.js';
import { showStatus } from '../runs/show/show-status.js';
import { onlyOpenRun } from './awaiting-run.js';

export interface CancelOptions extends SendingOptions {
  readonly reason?: string;
  readonly yes?: true;
}

/** Who cancels, and why. */
type Said = Pick<Cancellation, 'actor' | 'reason'>;

/**
 * `run cancel`: what runs is stopped, and the record is published as that of a cancelled run. In a terminal it shows the
 * run and asks; without one the line says everything.
 * @throws PromptOsError RUN_NOT_FOUND, RUN_CLOSED, RUN_AMBIGUOUS, DECISION_REFUSED, NOT_A_TERMINAL, USAGE,
 *   MESSAGE_HOLDS_SECRET
 */
export async function cancelRun(context: CommandContext, given: string, options: CancelOptions): Promise<void> {
  const output = context.output();
  const asks = output.interactive && options.yes !== true;
  const line = asks ? null : requireSaid(options);
  await withRuns(
    context,
    async (session) => {
      const { runs, store } = session;
      const run = given === LATEST ? await onlyOpenRun(session, output) : await selectRun(given, session);
      announceRun(run, output);
      const { run_id } = run;
      const closed = () => new PromptOsError('RUN_CLOSED', `Run ${run_id} has ended.`);
      if ((await store.published(run_id)) !== null) throw closed();
      const { policy_sha256, developer, closed_at } = await runs.describe(run_id);
      if (closed_at !== null) throw closed();
      const said = line ?? (await askCancellation(session, { run, policy_sha256, developer }, options, output));
      if (said === null) return context.exit(1);
      const message = readMessage(cancellationSchema, { decision_id: randomUUID(), run_id, policy_sha256, ...said });
      const outgoing = {
        signal: cancelSignal.name,
        what: 'the cancellation',
        seal: () => runs.sealCancellation(message),
        send: () => runs.cancel(message),
      };
      await sendOrPrint(session, run, outgoing, options.print, output);
      if (options.print !== true) output.say(`its record follows: promptos run watch ${run_id}`);
    },
    { key: options.key },
  );
}

/** @throws PromptOsError NOT_A_TERMINAL, USAGE */
function requireSaid({ as, reason, yes, print }: CancelOptions): Said {
  const actor = requireActor(as);
  if (reason === undefined || reason.trim() === '') {
    throw new PromptOsError('USAGE', 'A cancellation needs a reason: --reason TEXT. The record shows it.');
  }
  if (yes !== true && print !== true) {
    throw new PromptOsError('USAGE', 'Without a terminal to ask on, a run is cancelled only with --yes.', {
      hint: 'Add --yes, or --print to get the signed message without sending it.',
    });
  }
  return { actor, reason };
}

interface AskedRun {
  readonly run: SelectedRun;
  readonly policy_sha256: string;
  readonly developer: string;
}

/** Shows the run, asks for what the line lacks, and whether it is meant; null when not. */
async function askCancellation(
  session: OpenedRuns,
  asked: AskedRun,
  { as, reason: given }: CancelOptions,
  output: Output,
): Promise<Said | null> {
  const { run } = asked;
  const live = await liveStatus(session, run.run_id);
  if ('status' in live) showStatus(live.status, { tree: null, ui: await session.temporal.runPage(run.run_id) }, output);
  const actor = as ?? (await askCanceller(session, asked));
  if (actor === null) return null;
  const reason = given ?? (await terminalQuestions.write('Why is the run cancelled? The record shows it.'));
  if (reason === null) return null;
  if (given !== undefined) output.say(`reason  ${printableLine(reason, 1_000)}`);
  const meant = await terminalQuestions.confirm(`Do you cancel ${describeSelected(run)}, ${printableLine(actor)}?`);
  return meant === true ? { actor, reason } : null;
}

/** A principal that the run's policy lets cancel it; any name where the policy is not at hand. */
async function askCanceller(
  { store, project }: OpenedRuns,
  { policy_sha256, developer }: AskedRun,
): Promise<string | null> {
  const policy = await readRunPolicy(store, policy_sha256, await projectPolicies(project)).catch(() => null);
  const able =
    policy === null
      ? []
      : cancellers({ integrators: policy.roles.integrator, cancellation: policy.cancellation }, developer);
  const [first, ...others] = able;
  if (first === undefined) return terminalQuestions.write('Who cancels?');
  if (others.length === 0) return first;
  return terminalQuestions.choose(
    'Who cancels?',
    able.map((value) => ({ value, label: printableLine(value) })),
  );
}
