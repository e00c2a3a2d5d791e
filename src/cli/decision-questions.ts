import type { Delivery, GovernedRuns } from '../client/client.js';
import type { RefusalReason } from '../contracts/decisions.js';
import { PromptOsError } from '../contracts/errors.js';
import { GATE_IDS, GATES, type GateId, gateIndex } from '../contracts/names.js';
import type { RunStatus } from '../contracts/run-status.js';
import { ableIntegrators } from '../domain/run/answer-commands.js';
import { reportDelivery } from './decide-as.js';
import type { Output } from './output.js';
import type { SelectedRun } from './selected-run.js';
import type { ShowRequestOptions } from './show-request.js';

export interface AskOptions<Awaited> extends ShowRequestOptions<Awaited> {
  readonly runs: GovernedRuns;
  /** Who decides; null when that is asked too. */
  readonly actor: string | null;
}

export interface Choice<Value extends string> {
  readonly value: Value;
  readonly label: string;
  readonly hint?: string;
}

/** What is asked on a terminal. Null: the person broke off. */
export interface DecisionQuestions {
  choose<Value extends string>(
    message: string,
    choices: readonly Choice<Value>[],
    initial?: Value,
  ): Promise<Value | null>;
  /** Some text, never blank. */
  write(message: string, suggestion?: string): Promise<string | null>;
  confirm(message: string): Promise<boolean | null>;
}

/** Whose decision it is; not asked where only one can decide. */
export async function askActor(status: RunStatus, questions: DecisionQuestions): Promise<string | null> {
  const [first, ...others] = ableIntegrators(status);
  if (first === undefined) return questions.write('Who decides?');
  if (others.length === 0) return first;
  return questions.choose(
    'Who decides?',
    [first, ...others].map((value) => ({ value, label: value })),
  );
}

/** The gates of a run up to one of them, the nearest first. */
export const gatesUpTo = ({ gates }: RunStatus, from: GateId): readonly GateId[] =>
  GATE_IDS.filter((id) => gateIndex(id) <= gateIndex(from) && gates.some(({ gate }) => gate === id)).reverse();

export const gateChoices = (gates: readonly GateId[]): Choice<GateId>[] =>
  gates.map((value) => ({ value, label: `${value} ${GATES[value].title}` }));

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
 * Sends an answer that was asked for and tells what became of it; a refusal is told, not thrown.
 * @returns `later` when this person cannot decide this any more, `again` when another answer may count
 */
export async function deliverAnswer(
  send: () => Promise<Delivery>,
  what: string,
  output: Output,
  run: SelectedRun,
): Promise<'decided' | 'later' | 'again'> {
  try {
    const delivery = await send();
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
