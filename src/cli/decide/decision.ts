import { randomUUID } from 'node:crypto';
import { PromptOsError } from '../../contracts/errors.js';
import { type GateId, isGateId } from '../../contracts/names.js';
import { type Decision, decisionSchema } from '../../contracts/run/decisions.js';
import type { AwaitedDecision, RunStatus } from '../../contracts/run/run-status.js';
import { approveSignal, rejectSignal } from '../../workflows/messages.js';
import { printableLine } from '../app/printable.js';
import type { Questions } from '../app/questions.js';
import { requireNoSecret } from '../app/require-no-secret.js';
import type { Outgoing } from '../runs/messages/message.js';
import { describeAwaited, describeFinding } from '../runs/show/show-status.js';
import { type AnswerKind, type AnswerOptions, type AskedKind, type AskOptions, gatesUpTo } from './answer.js';

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
