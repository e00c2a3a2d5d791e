import { randomUUID } from 'node:crypto';
import { type Cancellation, cancellationSchema } from '../../contracts/decisions.js';
import { PromptOsError } from '../../contracts/errors.js';
import { cancellers } from '../../domain/judge/judge-answers.js';
import { cancelSignal } from '../../workflows/messages.js';
import type { CommandContext } from '../app/context.js';
import { LATEST } from '../app/options.js';
import type { Output } from '../app/output.js';
import { printableLine } from '../app/printable.js';
import { projectPolicies } from '../app/project.js';
import { type DecisionQuestions, terminalQuestions } from '../app/questions.js';
import { announceRun, describeSelected, latestRun, openRuns, type SelectedRun, selectRun } from '../app/select-run.js';
import { readRunPolicy } from '../keys/signing.js';
import { type OpenedRuns, withRuns } from '../runs/governed-runs.js';
import { liveStatus } from '../runs/run-status.js';
import { showStatus } from '../runs/show-status.js';
import { reportDelivery } from './decide-as.js';
import { printMessage, readMessage, requireActor } from './message.js';

export interface CancelOptions {
  readonly as?: string;
  readonly reason?: string;
  readonly key?: string;
  readonly print?: true;
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
export async function cancelRun(
  context: CommandContext,
  given: string,
  options: CancelOptions,
  questions: DecisionQuestions = terminalQuestions,
): Promise<void> {
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
      const said = line ?? (await asked(session, { run, policy_sha256, developer }, options, output, questions));
      if (said === null) return context.exit(1);
      const message = readMessage(cancellationSchema, { decision_id: randomUUID(), run_id, policy_sha256, ...said });
      if (options.print === true) {
        const sealed = await runs.sealCancellation(message);
        return printMessage(
          { message: sealed, signal: cancelSignal.name, runId: run_id, temporal: session.temporal },
          output,
        );
      }
      reportDelivery(await runs.cancel(message), 'the cancellation', output, run);
      output.say(`its record follows: promptos run watch ${run_id}`);
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

/** What `latest` means here: the one open run of this repository. With several it is not for the command to choose. */
async function onlyOpenRun(session: OpenedRuns, output: Output): Promise<SelectedRun> {
  const open = await openRuns(session);
  const [only, ...others] = open;
  if (only === undefined) return latestRun(session);
  if (others.length === 0) return only;
  for (const run of open) output.note(`${run.run_id}  started ${run.started_at.toISOString()}`);
  throw new PromptOsError('RUN_AMBIGUOUS', `${open.length} runs of ${session.here.what} are open.`, {
    hint: 'Give the id of the run that is meant instead of "latest".',
  });
}

interface AskedRun {
  readonly run: SelectedRun;
  readonly policy_sha256: string;
  readonly developer: string;
}

/** Shows the run, asks for what the line lacks, and whether it is meant; null when not. */
async function asked(
  session: OpenedRuns,
  asking: AskedRun,
  { as, reason: given }: CancelOptions,
  output: Output,
  questions: DecisionQuestions,
): Promise<Said | null> {
  const { run } = asking;
  const live = await liveStatus(session, run.run_id);
  if ('status' in live) showStatus(live.status, { tree: null, ui: await session.temporal.runPage(run.run_id) }, output);
  const actor = as ?? (await askCanceller(session, asking, questions));
  if (actor === null) return null;
  const reason = given ?? (await questions.write('Why is the run cancelled? The record shows it.'));
  if (reason === null) return null;
  if (given !== undefined) output.say(`reason  ${printableLine(reason, 1_000)}`);
  const meant = await questions.confirm(`Do you cancel ${describeSelected(run)}, ${printableLine(actor)}?`);
  return meant === true ? { actor, reason } : null;
}

/** Whoever the run's policy lets cancel it; any name where the policy is not at hand. */
async function askCanceller(
  { store, project }: OpenedRuns,
  { policy_sha256, developer }: AskedRun,
  questions: DecisionQuestions,
): Promise<string | null> {
  const files = await projectPolicies(project);
  const policy = await readRunPolicy(store, policy_sha256, files).catch(() => null);
  const able =
    policy === null
      ? []
      : cancellers({ integrators: policy.roles.integrator, cancellation: policy.cancellation }, developer);
  const [first, ...others] = able;
  if (first === undefined) return questions.write('Who cancels?');
  if (others.length === 0) return first;
  return questions.choose(
    'Who cancels?',
    able.map((value) => ({ value, label: printableLine(value) })),
  );
}
