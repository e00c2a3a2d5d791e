import { randomUUID } from 'node:crypto';
import { PromptOsError } from '../../contracts/errors.js';
import { type GateId, isGateId } from '../../contracts/names.js';
import { type Cancellation, cancellationSchema, type Decision, decisionSchema } from '../../contracts/run/decisions.js';
import type { AwaitedDecision, RunStatus } from '../../contracts/run/run-status.js';
import { cancellers } from '../../domain/judge/judge-answers.js';
import { approveSignal, cancelSignal, rejectSignal } from '../../workflows/messages.js';
import type { CommandContext } from '../app/context.js';
import { LATEST } from '../app/options.js';
import type { Output } from '../app/output.js';
import { printableLine } from '../app/printable.js';
import { projectPolicies } from '../app/project.js';
import { type Questions, terminalQuestions } from '../app/questions.js';
import { requireNoSecret } from '../app/require-no-secret.js';
import { announceRun, describeSelected, type SelectedRun, selectRun } from '../app/select-run.js';
import { readRunPolicy } from '../keys/signing.js';
import {
  type Outgoing,
  readMessage,
  requireActor,
  type SendingOptions,
  sendOrPrint,
} from '../runs/messages/message.js';
import { type OpenedRuns, withRuns } from '../runs/read/governed-runs.js';
import { liveStatus } from '../runs/read/run-status.js';
import { describeAwaited, describeFinding, showStatus } from '../runs/show/show-status.js';
import { type AnswerKind, type AnswerOptions, type AskedKind, type AskOptions, gatesUpTo } from './answer.js';
import { onlyOpenRun } from './awaiting-run.js';

const WHY = 'Why? The next attempt gets this to read.';

/** A decision about exactly the output that a run's status shows. @throws PromptOsError MESSAGE_HOLDS_SECRET */
export function bindDecision(
  status: RunStatus,
  { gate, attempt, request_id, output_sha256 }: AwaitedDecision,
  said: Pick<Decision, 'actor' | 'choice'> & Partial<Decision>,
): Decision {
  requireNoSecret(said, 'MESSAGE_HOLDS_SECRET');
  const { run_id, policy_sha256 } = status;
  return { decision_id: randomUUID(), run_id, gate, attempt, request_id, output_sha256, policy_sha256, ...said };
}

export const outgoingDecision = (decision: Decision): Outgoing => ({
  signal: (decision.choice === 'approve' ? approveSignal : rejectSignal).name,
  what: `${decision.choice === 'approve' ? 'approval' : 'rejection'} of ${decision.gate}`,
  seal: (runs) => runs.sealDecision(decision),
  send: (runs) => runs.decide(decision),
});

/** How a decision on a gate is asked for. */
export const askedDecision = (preset?: Decision['choice']): AskedKind<Decision, AwaitedDecision> => ({
  question: ({ gate }, actor) => `${gate}: what do you decide, ${actor}?`,
  choices: ({ approvable }) => [
    ...(approvable ? [{ value: 'approve', label: 'approve' } as const] : []),
    { value: 'reject', label: 'reject', hint: 'with a reason' },
  ],
  preset,
  askRest: (asked, choice, questions) =>
    choice === 'approve' ? askAcknowledgements(asked, questions) : askRejection(asked, questions),
  bind: bindDecision,
  outgoing: outgoingDecision,
});

/** An approval takes on each critical and high finding by itself. */
async function askAcknowledgements(
  { status, awaited }: AskOptions<AwaitedDecision>,
  questions: Questions,
): Promise<Partial<Decision> | null> {
  const findings = status.gates.find(({ gate }) => gate === awaited.gate)?.findings ?? [];
  for (const id of awaited.to_acknowledge) {
    const finding = findings.find((one) => one.id === id);
    const text = finding === undefined ? printableLine(id) : describeFinding(finding);
    if ((await questions.confirm(`Do you take this on?  ${text}`)) !== true) return null;
  }
  return awaited.to_acknowledge.length === 0 ? {} : { acknowledged: [...awaited.to_acknowledge] };
}

/** The reason, and where the rejection sends the run: the gate's own default comes first. */
async function askRejection(
  { status, awaited }: AskOptions<AwaitedDecision>,
  questions: Questions,
): Promise<Partial<Decision> | null> {
  const { gate, rejects_to, approvable } = awaited;
  const reason = await questions.write(WHY, approvable ? undefined : printableLine(failureOf(status, awaited), 4_000));
  if (reason === null) return null;
  const possible = gatesUpTo(status, gate);
  const preset = possible.find(({ value }) => value === rejects_to) ?? possible.find(({ value }) => value === gate);
  const target = await questions.choose<GateId | 'end'>('Back to which gate?', [
    ...(preset === undefined ? [] : [preset]),
    ...possible.filter((one) => one !== preset),
    { value: 'end', label: 'none: end the run as rejected' },
  ]);
  if (target === null) return null;
  return target === 'end' ? { reason, final: true } : { reason, to_gate: target };
}

/** What is wrong with a failed gate, as the reason of its rejection: the findings are the next attempt's input. */
export function failureOf(status: RunStatus, { gate }: AwaitedDecision): string {
  const found = status.gates.find((candidate) => candidate.gate === gate);
  const blocking = (found?.findings ?? [])
    .filter(({ blocking }) => blocking)
    .map(({ id, message }) => `${id}: ${message}`);
  const text = [found?.reason ?? '', ...blocking].filter((part) => part !== '').join('\n');
  return (text === '' ? `${gate} did not pass` : text).slice(0, 4_000).toWellFormed();
}

/** What `approve` and `reject` take; what binds the decision is filled from the run's status where it is not given. */
export interface DecisionOptions extends AnswerOptions {
  readonly gate?: GateId;
  readonly comment?: string;
  readonly to?: GateId;
  readonly final?: true;
  readonly acknowledge?: readonly string[];
  readonly attempt?: number;
  readonly output?: string;
}

/** How `approve` and `reject` answer. */
export const decisionAnswer = (
  choice: Decision['choice'],
  line: DecisionOptions,
): AnswerKind<DecisionOptions, Decision, AwaitedDecision> => ({
  ...askedDecision(choice),
  kind: 'decision',
  wanted: line.gate === undefined ? 'a decision' : `a decision on ${line.gate}`,
  schema: decisionSchema,
  matches: (awaited) => awaited.kind === 'decision' && (line.gate === undefined || awaited.gate === line.gate),
  namedBy: 'gate',
  naming: '--gate GATE',
  parts: ['comment', 'to', 'final', 'acknowledge', 'attempt', 'output'],
  requireComplete: ({ comment }) => {
    if (choice === 'approve' || (comment ?? '').trim() !== '') return;
    throw new PromptOsError('USAGE', 'A rejection needs a reason: --comment TEXT. The next attempt gets it to read.');
  },
  complete: async (options, questions) => {
    if (choice === 'approve' || (options.comment ?? '').trim() !== '') return options;
    const comment = await questions.write(WHY);
    return comment === null ? null : { ...options, comment };
  },
  found: (status, { gate, requestId }) =>
    requestId === undefined
      ? requireAwaited(status, gate)
      : (decisionsOf(status).find(({ request_id }) => request_id === requestId) ?? null),
  binding: (options, status, found) => {
    // Whether a request that the line names is pending is for the run to judge, and to write down.
    const awaited = options.requestId === undefined ? found : null;
    const bound = awaited ?? boundTo(options);
    const output = status?.gates.find(({ gate }) => gate === bound?.gate)?.output_sha256;
    return {
      request_id: options.requestId ?? awaited?.request_id,
      gate: bound?.gate,
      attempt: options.attempt ?? bound?.attempt,
      output_sha256: options.output ?? awaited?.output_sha256 ?? output ?? undefined,
      policy_sha256: options.policy ?? status?.policy_sha256,
    };
  },
  said: ({ comment, to, final, acknowledge }) => ({
    choice,
    [choice === 'approve' ? 'comment' : 'reason']: comment,
    to_gate: to,
    final,
    acknowledged: acknowledge,
  }),
});

/** Gate and attempt, which are in the request's own id too. */
function boundTo({ gate, attempt, requestId }: DecisionOptions): { gate: GateId; attempt: number } | null {
  const [, named, number] = /^(P\d\d)\.(\d{1,6})\.\d{1,6}$/.exec(requestId ?? '') ?? [];
  const bound = { gate: gate ?? named, attempt: attempt ?? Number(number) };
  return requestId !== undefined && isGateId(bound.gate) && bound.attempt > 0
    ? { gate: bound.gate, attempt: bound.attempt }
    : null;
}

const decisionsOf = ({ awaiting }: RunStatus): readonly AwaitedDecision[] =>
  awaiting.filter((awaited) => awaited.kind === 'decision');

/** The decision that is pending at a gate, or the only one. @throws PromptOsError NOTHING_AWAITED */
function requireAwaited(status: RunStatus, gate: GateId | undefined): AwaitedDecision {
  const found = decisionsOf(status).find((awaited) => gate === undefined || awaited.gate === gate);
  if (found !== undefined) return found;
  const what = gate === undefined ? 'decision' : `decision on ${gate}`;
  const others = status.awaiting.map(describeAwaited).join('; ');
  throw new PromptOsError(
    'NOTHING_AWAITED',
    `Run ${status.run_id} awaits no ${what}. ${others === '' ? 'It awaits nothing.' : `It awaits ${others}.`}`,
  );
}

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
