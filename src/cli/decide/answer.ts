import { randomUUID } from 'node:crypto';
import type { z } from 'zod';
import type { GovernedRuns } from '../../client/client.js';
import { PromptOsError } from '../../contracts/errors.js';
import { GATE_IDS, GATES, type GateId, gateIndex } from '../../contracts/names.js';
import type { Decision, RefusalReason, Resolution } from '../../contracts/run/decisions.js';
import type { AwaitedDecision, AwaitedResolution, RunStatus } from '../../contracts/run/run-status.js';
import { ableIntegrators } from '../../domain/run/answer-commands.js';
import type { CommandContext } from '../app/context.js';
import { LATEST } from '../app/options.js';
import type { Output } from '../app/output.js';
import { printableLine } from '../app/printable.js';
import { type Choice, type Questions, terminalQuestions } from '../app/questions.js';
import { announceRun, type SelectedRun, selectRun } from '../app/select-run.js';
import { type Outgoing, readMessage, reportDelivery, requireActor, sendOrPrint } from '../runs/messages/message.js';
import { type OpenedRuns, withRuns } from '../runs/read/governed-runs.js';
import { type LiveStatus, liveStatus } from '../runs/read/run-status.js';
import { awaitingRun, type WantedAnswer } from './awaiting-run.js';
import { lookAt, type ShowRequestOptions, showRequest } from './show-request.js';

type Awaited = AwaitedDecision | AwaitedResolution;
type Answer = Decision | Resolution;

export interface AskOptions<A = Awaited> extends ShowRequestOptions<A> {
  readonly runs: GovernedRuns;
  /** Who decides; null when that is asked too. */
  readonly actor: string | null;
}

/** Who decides, and what. */
type Said<Message extends Answer> = Pick<Message, 'actor' | 'choice'> & Partial<Message>;

/** How decisions and resolutions differ where they are asked for on a terminal. */
export interface AskedKind<Message extends Answer, A extends Awaited> {
  question(awaited: A, actor: string): string;
  choices(awaited: A): readonly Choice<Message['choice']>[];
  /** The choice that is offered first. */
  readonly preset?: Message['choice'] | undefined;
  /** Asks for the rest of an answer; null when the person goes back. */
  askRest(asked: AskOptions<A>, choice: Message['choice'], questions: Questions): Promise<Partial<Message> | null>;
  /** The message about exactly what was shown. @throws PromptOsError MESSAGE_HOLDS_SECRET, REPORT_DIFFERS */
  bind(status: RunStatus, awaited: A, said: Said<Message>): Message;
  outgoing(message: Message): Outgoing;
}

/** What every command takes that answers a request. */
export interface AnswerOptions {
  readonly as?: string;
  readonly decisionId?: string;
  readonly requestId?: string;
  readonly policy?: string;
  readonly key?: string;
  readonly print?: true;
  readonly yes?: true;
}

/** How decisions and resolutions differ on the command line; everything else about an answer is the same. */
export interface AnswerKind<Options extends AnswerOptions, Message extends Answer, A extends Awaited>
  extends AskedKind<Message, A>,
    WantedAnswer {
  readonly schema: z.ZodType<Message>;
  /** The option that names what is answered. */
  readonly namedBy: keyof Options;
  /** How to name it. */
  readonly naming: string;
  /** The options that hold parts of the answer itself. */
  readonly parts: readonly (keyof Options)[];
  /** @throws PromptOsError when the line lacks a part of the answer, and no terminal is there to ask for it */
  requireComplete(options: Options): void;
  /** Asks for the parts of the answer that the line lacks; null when the person breaks off. */
  complete(options: Options, questions: Questions): Promise<Options | null>;
  /** The request that the line means; null when it names one that is not pending. @throws PromptOsError NOTHING_AWAITED, USAGE */
  found(status: RunStatus, options: Options): A | null;
  /** What the answer is bound to, from the line and from what is known of the run; undefined where neither says it. */
  binding(options: Options, status: RunStatus | null, awaited: A | null): Readonly<Record<string, unknown>>;
  /** The answer as the line says it. @throws PromptOsError USAGE */
  said(options: Options): Readonly<Record<string, unknown>>;
}

/**
 * Answers what a run waits for. In a terminal it shows what is answered and asks, however complete the line is, unless it
 * says `--yes`. Without a terminal the line names what is answered, or says `--yes`.
 * @throws PromptOsError NOTHING_AWAITED, DECISION_REFUSED, RUN_AMBIGUOUS, WORKER_MISSING, NOT_A_TERMINAL, USAGE
 */
export async function answer<Options extends AnswerOptions, Message extends Answer, A extends Awaited>(
  context: CommandContext,
  given: string,
  options: Options,
  kind: AnswerKind<Options, Message, A>,
): Promise<void> {
  const output = context.output();
  const asks = output.interactive && options.yes !== true;
  if (!asks) requireSaid(options, kind);
  await withRuns(
    context,
    async (session) => {
      const run = given === LATEST ? await awaitingRun(session, kind, output) : await selectRun(given, session);
      announceRun(run, output);
      const live = isBound(options, kind) && !asks ? null : await liveStatus(session, run.run_id);
      const line = asks ? await ask(session, requireStatus(live), options, kind, output) : options;
      if (line === 'decided') return;
      if (line === 'later') return context.exit(1);
      const outgoing = kind.outgoing(composeAnswer(run.run_id, live, line, kind));
      await sendOrPrint(session, run, outgoing, options.print, output);
    },
    { key: options.key },
  );
}

function requireSaid<O extends AnswerOptions, M extends Answer, A extends Awaited>(
  options: O,
  kind: AnswerKind<O, M, A>,
): void {
  requireActor(options.as);
  kind.requireComplete(options);
  if (options.yes === true || options[kind.namedBy] !== undefined || options.requestId !== undefined) return;
  throw new PromptOsError('USAGE', `Without a terminal the line names what is answered: ${kind.naming}.`, {
    hint: 'Name it, or give --yes to answer whatever the run waits for.',
  });
}

const isBound = <O extends AnswerOptions, M extends Answer, A extends Awaited>(
  options: O,
  kind: AnswerKind<O, M, A>,
): boolean => Object.values(kind.binding(options, null, null)).every((value) => value !== undefined);

const isBare = <O extends AnswerOptions, M extends Answer, A extends Awaited>(
  options: O,
  { parts }: AnswerKind<O, M, A>,
): boolean => [...parts, 'decisionId', 'requestId', 'policy'].every((name) => options[name as keyof O] === undefined);

function requireStatus(live: LiveStatus | null): RunStatus {
  if (live !== null && 'status' in live) return live.status;
  throw live?.missing ?? new PromptOsError('WORKER_MISSING', 'No worker answered.');
}

const OPTION_OF: Readonly<Record<string, string>> = {
  request_id: '--request-id',
  gate: '--gate',
  attempt: '--attempt',
  output_sha256: '--output',
  policy_sha256: '--policy',
  escalation_id: 'ESCALATION',
  report_sha256: '--report',
};

/** Refuses an answer without the fields that bind it to its request. @throws PromptOsError WORKER_MISSING, USAGE */
function requireBinding(fields: Readonly<Record<string, unknown>>, live: LiveStatus | null): void {
  const missing = Object.keys(fields).filter((name) => fields[name] === undefined);
  if (missing.length === 0) return;
  const options = missing.map((name) => OPTION_OF[name]).join(', ');
  if (live !== null && 'missing' in live) {
    const hint = `Start a worker: \`promptos worker\`; or say what is answered with ${options}, as the Temporal UI shows it.`;
    throw new PromptOsError('WORKER_MISSING', live.missing.summary, { cause: live.missing, hint });
  }
  throw new PromptOsError('USAGE', `The answer needs ${options}.`);
}

/** The message that a line makes. @throws PromptOsError WORKER_MISSING or USAGE when what binds it is not known */
export function composeAnswer<O extends AnswerOptions, M extends Answer, A extends Awaited>(
  runId: string,
  live: LiveStatus | null,
  options: O,
  kind: AnswerKind<O, M, A>,
): M {
  const said = kind.said(options);
  const status = live !== null && 'status' in live ? live.status : null;
  const binding = kind.binding(options, status, status === null ? null : kind.found(status, options));
  requireBinding(binding, live);
  const decision_id = options.decisionId ?? randomUUID();
  return readMessage(kind.schema, { ...binding, decision_id, run_id: runId, actor: options.as, ...said });
}

/**
 * Asks a person for what the line lacks: all of the answer, or the rest of it and whether it is meant.
 * @returns the line with what was asked for, when it is still to be sent
 */
async function ask<O extends AnswerOptions, M extends Answer, A extends Awaited>(
  { runs, store }: OpenedRuns,
  status: RunStatus,
  options: O,
  kind: AnswerKind<O, M, A>,
  output: Output,
): Promise<O | 'decided' | 'later'> {
  const asked = { runs, store, status, output };
  const bare = options.print !== true && isBare(options, kind) ? kind.found(status, options) : null;
  if (bare !== null) return askFor({ ...asked, awaited: bare, actor: options.as ?? null }, kind);
  const actor = options.as ?? (await askActor(status, terminalQuestions));
  const line = actor === null ? null : await kind.complete({ ...options, as: actor }, terminalQuestions);
  if (line === null) return 'later';
  const awaited = kind.found(status, line);
  const { what } = kind.outgoing(composeAnswer(status.run_id, { status }, line, kind));
  return (await confirmAnswer({ ...asked, actor }, awaited, what, terminalQuestions)) ? line : 'later';
}

const LOOK = { value: 'look', label: 'look at …', hint: 'everything that the gate left' } as const;
const LATER = { value: 'later', label: 'later', hint: 'the run goes on waiting' } as const;

/** Shows what an answer that is complete is about, and asks whether it is meant. */
async function confirmAnswer(
  asked: Omit<AskOptions, 'awaited'>,
  awaited: Awaited | null,
  what: string,
  questions: Questions,
): Promise<boolean> {
  const { actor, output } = asked;
  if (awaited === null) output.say('The request that the line names is not pending: the run will refuse the answer.');
  else await showRequest({ ...asked, awaited });
  const choices: Choice<'yes' | 'look' | 'no'>[] = [
    { value: 'yes', label: `yes: ${printableLine(what)}` },
    ...(awaited?.kind === 'decision' ? [LOOK] : []),
    { value: 'no', label: 'no', hint: 'nothing is sent' },
  ];
  for (;;) {
    const question = `${printableLine(what)}: do you decide so, ${actor}?`;
    const choice = await questions.choose<'yes' | 'look' | 'no'>(question, choices, 'no');
    if (choice !== 'look') return choice === 'yes';
    if (awaited?.kind === 'decision') await lookAt({ ...asked, awaited }, questions);
  }
}

/**
 * Shows what a run waits for and asks an integrator on the terminal, until an answer counts or is put off.
 * @param questions the terminal unless a test answers
 * @returns `later` also when the request is no longer pending, since another integrator was faster
 */
export async function askFor<M extends Answer, A extends Awaited>(
  asked: AskOptions<A>,
  kind: AskedKind<M, A>,
  questions: Questions = terminalQuestions,
): Promise<'decided' | 'later'> {
  const { status, awaited, runs, output } = asked;
  await showRequest(asked);
  const actor = asked.actor ?? (await askActor(status, questions));
  if (actor === null) return 'later';
  const look = awaited.kind === 'decision' ? [LOOK] : [];
  const choices: Choice<M['choice'] | 'look' | 'later'>[] = [...kind.choices(awaited), ...look, LATER];
  for (;;) {
    const choice = await questions.choose(kind.question(awaited, actor), choices, kind.preset);
    if (choice === null || choice === 'later') return 'later';
    if (choice === 'look') {
      if (awaited.kind === 'decision') await lookAt({ ...asked, awaited }, questions);
      continue;
    }
    const rest = await kind.askRest(asked, choice, questions);
    if (rest === null) continue;
    const message = kind.bind(status, awaited, { actor, choice, ...rest });
    const delivered = await deliverAnswer(runs, kind.outgoing(message), output, status);
    if (delivered !== 'again') return delivered;
  }
}

/** Whose decision it is; not asked where only one can decide. */
async function askActor(status: RunStatus, questions: Questions): Promise<string | null> {
  const [first, ...others] = ableIntegrators(status);
  if (first === undefined) return questions.write('Who decides?');
  if (others.length === 0) return first;
  return questions.choose(
    'Who decides?',
    [first, ...others].map((value) => ({ value, label: value })),
  );
}

/** The gates of a run up to one of them as choices, the nearest first. */
export const gatesUpTo = ({ gates }: RunStatus, from: GateId): Choice<GateId>[] =>
  GATE_IDS.filter((id) => gateIndex(id) <= gateIndex(from) && gates.some(({ gate }) => gate === id))
    .reverse()
    .map((value) => ({ value, label: `${value} ${GATES[value].title}` }));

/** Refusals after which the same person may answer in another way. */
const WORTH_ASKING_AGAIN: readonly (RefusalReason | null)[] = [
  'FINDINGS_NOT_ACKNOWLEDGED',
  'GATE_FAILED',
  'MALFORMED',
  'NOTHING_TO_CONTINUE',
  'REASON_MISSING',
  'TARGET_INVALID',
  'WAIVER_INVALID',
  'WAIVER_EXPIRY_INVALID',
  'WAIVER_EXPIRED',
];

/**
 * Sends an answer that was asked for and reports what became of it; a refusal is printed, not thrown.
 * @returns `later` when this person cannot decide this any more, `again` when another answer may count
 */
async function deliverAnswer(
  runs: GovernedRuns,
  { send, what }: Outgoing,
  output: Output,
  run: SelectedRun,
): Promise<'decided' | 'later' | 'again'> {
  try {
    const delivery = await send(runs);
    if (delivery.kind === 'answered' && !delivery.answer.accepted) {
      const { reason, message } = delivery.answer;
      output.say(`refused (${reason}): ${message}`);
      return WORTH_ASKING_AGAIN.includes(reason) ? 'again' : 'later';
    }
    reportDelivery(delivery, what, output, run);
    return 'decided';
  } catch (error) {
    if (!(error instanceof PromptOsError && error.code === 'RUN_CLOSED')) throw error;
    output.say(error.summary);
    return 'later';
  }
}
