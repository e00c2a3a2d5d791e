import type { GovernedRuns } from '../../client/client.js';
import type { AwaitedDecision, AwaitedResolution, RunStatus } from '../../contracts/run/run-status.js';
import type { Output } from '../app/output.js';
import type { Questions } from '../app/questions.js';
import { type Outgoing, requireCounted } from '../runs/messages/message.js';
import { type AskOptions, askFor } from './answer.js';
import { askedDecision, bindDecision, failureOf, outgoingDecision } from './decision.js';
import { ASKED_RESOLUTION, bindResolution, outgoingResolution } from './resolution.js';

/** Asks on a terminal for whatever a run waits for. */
export const askAwaited = (
  asked: Omit<AskOptions, 'awaited'>,
  awaited: AwaitedDecision | AwaitedResolution,
  questions?: Questions,
): Promise<'decided' | 'later'> =>
  awaited.kind === 'decision'
    ? askFor({ ...asked, awaited }, askedDecision(), questions)
    : askFor({ ...asked, awaited }, ASKED_RESOLUTION, questions);

/**
 * Decides without asking, as the named integrator: approves a gate that passed, sends a failed one back with its findings
 * as the reason, and answers an executor's escalation with its own recommendation. For demonstrations and trials: a run
 * that is decided so has no integrator in earnest.
 */
export async function decideUnattended(
  runs: GovernedRuns,
  actor: string,
  status: RunStatus,
  awaited: AwaitedDecision | AwaitedResolution,
  output: Output,
): Promise<void> {
  const { outgoing, said } =
    awaited.kind === 'decision' ? decide(actor, status, awaited) : resolve(actor, status, awaited);
  requireCounted(await outgoing.send(runs), output, status);
  output.say(`  ${actor} ${said.replaceAll('\n', '\n    ')}`);
}

interface Unattended {
  readonly outgoing: Outgoing;
  /** What is printed of it. */
  readonly said: string;
}

function decide(actor: string, status: RunStatus, awaited: AwaitedDecision): Unattended {
  const { gate, approvable, to_acknowledge } = awaited;
  if (!approvable) {
    const reason = failureOf(status, awaited);
    const rejection = bindDecision(status, awaited, { actor, choice: 'reject', reason });
    return { outgoing: outgoingDecision(rejection), said: `rejects ${gate}: ${reason}` };
  }
  const acknowledged = [...to_acknowledge];
  const approval = bindDecision(status, awaited, { actor, choice: 'approve', acknowledged });
  const taken = acknowledged.length === 0 ? '' : `, acknowledging ${acknowledged.join(', ')}`;
  return { outgoing: outgoingDecision(approval), said: `approves ${gate}${taken}` };
}

function resolve(actor: string, status: RunStatus, awaited: AwaitedResolution): Unattended {
  const { escalation_id, trigger, recommendation, issue } = awaited;
  const choice = trigger === 'executor' || trigger === 'open_question' ? 'retry' : 'abort';
  // The text of a hold is unsigned: it is not repeated in the name of an integrator.
  const guidance = choice === 'retry' ? recommendation : trigger === 'hold' ? '' : issue;
  const resolution = bindResolution(status, awaited, { actor, choice, ...(guidance === '' ? {} : { guidance }) });
  return { outgoing: outgoingResolution(resolution), said: `answers ${escalation_id} with ${choice}: ${guidance}` };
}
