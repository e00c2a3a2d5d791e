import type { GovernedRuns } from '../../client/client.js';
import type { Delivery } from '../../client/options.js';
import { PromptOsError } from '../../contracts/errors.js';
import type { AwaitedDecision, AwaitedResolution, RunStatus } from '../../contracts/run-status.js';
import type { CommandContext } from '../app/context.js';
import { LATEST } from '../app/options.js';
import { printableLine } from '../app/printable.js';
import { type Choice, type DecisionQuestions, terminalQuestions } from '../app/questions.js';
import { announceRun, selectRun } from '../app/select-run.js';
import { type OpenedRuns, withRuns } from '../runs/governed-runs.js';
import { type LiveStatus, liveStatus } from '../runs/run-status.js';
import { lookAt } from './ask-decision.js';
import { awaitingRun, type WantedAnswer } from './awaiting-run.js';
import { reportDelivery } from './decide-as.js';
import { type AskOptions, askActor } from './decision-questions.js';
import { printMessage, requireActor } from './message.js';
import { showRequest } from './show-request.js';

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

/** How decisions and resolutions differ; everything else about an answer is the same. */
export interface AnswerKind<Options extends AnswerOptions, Message, Awaited extends AwaitedDecision | AwaitedResolution>
  extends WantedAnswer {
  /** Whether the line names what is answered, such as a gate. */
  isNamed(options: Options): boolean;
  /** How to name it. */
  readonly naming: string;
  /** Whether the line says nothing of the answer itself, so that all of it is asked. */
  isBare(options: Options): boolean;
  /** Whether the line alone says what is answered, so that the run need not be asked. */
  isBound(options: Options): boolean;
  /** @throws PromptOsError when the line lacks a part of the answer, and no terminal is there to ask for it */
  requireComplete(options: Options): void;
  /** Asks for the parts of the answer that the line lacks; null when the person breaks off. */
  complete(options: Options, questions: DecisionQuestions): Promise<Options | null>;
  /** The request that the line means. @throws PromptOsError NOTHING_AWAITED, USAGE */
  awaited(status: RunStatus, options: Options): Awaited;
  /** The request that the line means, or null when it names one that is not pending. */
  found(status: RunStatus, options: Options): Awaited | null;
  /** @throws PromptOsError WORKER_MISSING or USAGE when what binds the answer is not known */
  compose(runId: string, live: LiveStatus | null, options: Options): Message;
  /** The signal that takes the message. */
  readonly signal: string;
  /** Such as `approval of P03`. */
  describe(message: Message): string;
  ask(asked: AskOptions<Awaited>): Promise<'decided' | 'later'>;
  seal(runs: GovernedRuns, message: Message): Promise<object>;
  send(runs: GovernedRuns, message: Message): Promise<Delivery>;
}

/**
 * Answers what a run waits for. In a terminal it shows what is answered and asks, however complete the line is, unless it
 * says `--yes`. Without a terminal the line names what is answered, or says `--yes`.
 * @throws PromptOsError NOTHING_AWAITED, DECISION_REFUSED, RUN_AMBIGUOUS, WORKER_MISSING, NOT_A_TERMINAL, USAGE
 */
export async function answer<
  Options extends AnswerOptions,
  Message,
  Awaited extends AwaitedDecision | AwaitedResolution,
>(
  context: CommandContext,
  given: string,
  options: Options,
  kind: AnswerKind<Options, Message, Awaited>,
): Promise<void> {
  const output = context.output();
  const asks = output.interactive && options.yes !== true;
  if (!asks) requireSaid(options, kind);
  await withRuns(
    context,
    async (session) => {
      const run = given === LATEST ? await awaitingRun(session, kind, output) : await selectRun(given, session);
      announceRun(run, output);
      const live = kind.isBound(options) && !asks ? null : await liveStatus(session, run.run_id);
      if (asks && options.print !== true && kind.isBare(options)) {
        const { runs, store } = session;
        const status = requireStatus(live);
        const awaited = kind.awaited(status, options);
        const asked = { runs, store, status, awaited, output, actor: options.as ?? null };
        if ((await kind.ask(asked)) === 'later') context.exit(1);
        return;
      }
      const said = asks ? await completed(session, { live, options, kind }, context) : options;
      if (said === null) return context.exit(1);
      const message = kind.compose(run.run_id, live, said);
      if (options.print === true) {
        const sealed = await kind.seal(session.runs, message);
        const { temporal } = session;
        return printMessage({ message: sealed, signal: kind.signal, runId: run.run_id, temporal }, output);
      }
      reportDelivery(await kind.send(session.runs, message), kind.describe(message), output, run);
    },
    { key: options.key },
  );
}

function requireSaid<Options extends AnswerOptions, Message, Awaited extends AwaitedDecision | AwaitedResolution>(
  options: Options,
  kind: AnswerKind<Options, Message, Awaited>,
): void {
  requireActor(options.as);
  kind.requireComplete(options);
  if (options.yes === true || kind.isNamed(options)) return;
  throw new PromptOsError('USAGE', `Without a terminal the line names what is answered: ${kind.naming}.`, {
    hint: 'Name it, or give --yes to answer whatever the run waits for.',
  });
}

interface Line<Options extends AnswerOptions, Message, Awaited extends AwaitedDecision | AwaitedResolution> {
  readonly live: LiveStatus | null;
  readonly options: Options;
  readonly kind: AnswerKind<Options, Message, Awaited>;
}

/** The line with what was asked for, once the person has seen what it answers and has agreed; null when not. */
async function completed<Options extends AnswerOptions, Message, Awaited extends AwaitedDecision | AwaitedResolution>(
  { store, runs }: OpenedRuns,
  { live, options, kind }: Line<Options, Message, Awaited>,
  context: CommandContext,
): Promise<Options | null> {
  const status = requireStatus(live);
  const actor = options.as ?? (await askActor(status, terminalQuestions));
  const said = actor === null ? null : await kind.complete({ ...options, as: actor }, terminalQuestions);
  if (said === null) return null;
  const awaited = kind.found(status, said);
  const what = kind.describe(kind.compose(status.run_id, live, said));
  const asked = { runs, store, status, output: context.output(), actor };
  return (await confirmAnswer({ ...asked, awaited, what }, terminalQuestions)) ? said : null;
}

function requireStatus(live: LiveStatus | null): RunStatus {
  if (live !== null && 'status' in live) return live.status;
  throw live?.missing ?? new PromptOsError('WORKER_MISSING', 'No worker answered.');
}

interface ConfirmOptions extends Omit<AskOptions<AwaitedDecision | AwaitedResolution>, 'awaited'> {
  /** The request that is answered; null when the line names one that is not pending. */
  readonly awaited: AwaitedDecision | AwaitedResolution | null;
  /** Such as `approval of P03`. */
  readonly what: string;
}

type Confirmation = 'yes' | 'look' | 'no';

/** Shows what an answer that is complete is about, and asks whether it is meant. */
async function confirmAnswer(options: ConfirmOptions, questions: DecisionQuestions): Promise<boolean> {
  const { awaited, what, actor, output } = options;
  if (awaited === null) output.say('The request that the line names is not pending: the run will refuse the answer.');
  else await showRequest({ ...options, awaited });
  const decision = awaited?.kind === 'decision' ? awaited : null;
  const choices: Choice<Confirmation>[] = [
    { value: 'yes', label: `yes: ${printableLine(what)}` },
    ...(decision === null
      ? []
      : [{ value: 'look', label: 'look at …', hint: 'everything that the gate left' } as const]),
    { value: 'no', label: 'no', hint: 'nothing is sent' },
  ];
  for (;;) {
    const question = `${printableLine(what)}: do you decide so, ${actor}?`;
    const choice = await questions.choose<Confirmation>(question, choices, 'no');
    if (choice !== 'look') return choice === 'yes';
    if (decision !== null) await lookAt({ ...options, awaited: decision }, questions);
  }
}
