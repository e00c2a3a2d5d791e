import type { AwaitedDecision, AwaitedResolution } from '../contracts/run-status.js';
import { lookAt } from './ask-decision.js';
import type { AskOptions } from './decision-questions.js';
import { printableLine } from './printable.js';
import { showRequest } from './show-request.js';
import type { Choice, DecisionQuestions } from './terminal-questions.js';

export interface ConfirmOptions extends Omit<AskOptions<AwaitedDecision | AwaitedResolution>, 'awaited'> {
  /** The request that is answered; null when the line names one that is not pending. */
  readonly awaited: AwaitedDecision | AwaitedResolution | null;
  /** Such as `approval of P03`. */
  readonly what: string;
}

type Confirmation = 'yes' | 'look' | 'no';

/** Shows what an answer that is complete is about, and asks whether it is meant. */
export async function confirmAnswer(options: ConfirmOptions, questions: DecisionQuestions): Promise<boolean> {
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
