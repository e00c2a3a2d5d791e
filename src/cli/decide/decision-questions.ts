import type { GovernedRuns } from '../../client/client.js';
import type { Delivery } from '../../client/options.js';
import type { RefusalReason } from '../../contracts/decisions.js';
import { PromptOsError } from '../../contracts/errors.js';
import { GATE_IDS, GATES, type GateId, gateIndex } from '../../contracts/names.js';
import type { RunStatus } from '../../contracts/run-status.js';
import { ableIntegrators } from '../../domain/run/answer-commands.js';
import type { Output } from '../app/output.js';
import type { Choice, DecisionQuestions } from '../app/questions.js';
import type { SelectedRun } from '../app/select-run.js';
import { reportDelivery } from './decide-as.js';
import type { ShowRequestOptions } from './show-request.js';

export interface AskOptions<Awaited> extends ShowRequestOptions<Awaited> {
  readonly runs: GovernedRuns;
  /** Who decides; null when that is asked too. */
  readonly actor: string | null;
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
