import { randomUUID } from 'node:crypto';
import { type Decision, decisionSchema } from '../../contracts/decisions.js';
import { PromptOsError } from '../../contracts/errors.js';
import { type GateId, isGateId } from '../../contracts/names.js';
import type { AwaitedDecision, RunStatus } from '../../contracts/run-status.js';
import { approveSignal, rejectSignal } from '../../workflows/messages.js';
import type { LiveStatus } from '../runs/run-status.js';
import { describeAwaited } from '../runs/show-status.js';
import type { AnswerKind, AnswerOptions } from './answer.js';
import { askDecision } from './ask-decision.js';
import { readMessage, requireBinding } from './message.js';

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

/** How a decision on a gate is answered. */
export const decisionAnswer = (
  choice: Decision['choice'],
  line: DecisionOptions,
): AnswerKind<DecisionOptions, Decision, AwaitedDecision> => ({
  kind: 'decision',
  matches: (awaited) => awaited.kind === 'decision' && (line.gate === undefined || awaited.gate === line.gate),
  isNamed: ({ gate, requestId }) => gate !== undefined || requestId !== undefined,
  naming: '--gate GATE',
  signal: (choice === 'approve' ? approveSignal : rejectSignal).name,
  isBare: ({ comment, to, final, acknowledge, attempt, output, decisionId, requestId, policy }) =>
    [comment, to, final, acknowledge, attempt, output, decisionId, requestId, policy].every(isMissing),
  isBound: ({ output, policy, ...rest }) => output !== undefined && policy !== undefined && boundTo(rest) !== null,
  requireComplete: ({ comment }) => {
    if (choice === 'approve' || comment !== undefined) return;
    throw new PromptOsError('USAGE', 'A rejection needs a reason: --comment TEXT. The next attempt gets it to read.');
  },
  complete: async (options, questions) => {
    if (choice === 'approve' || options.comment !== undefined) return options;
    const comment = await questions.write('Why? The next attempt gets this to read.');
    return comment === null ? null : { ...options, comment };
  },
  awaited: (status, { gate }) => requireAwaited(status, gate),
  found: (status, { gate, requestId }) =>
    requestId === undefined
      ? requireAwaited(status, gate)
      : (status.awaiting.find(
          (awaited): awaited is AwaitedDecision => awaited.kind === 'decision' && awaited.request_id === requestId,
        ) ?? null),
  compose: (runId, live, options) => readMessage(decisionSchema, bind(runId, choice, live, options)),
  describe: ({ gate }) => `${choice === 'approve' ? 'approval' : 'rejection'} of ${gate}`,
  ask: (asked) => askDecision({ ...asked, suggested: choice }),
  seal: (runs, decision) => runs.sealDecision(decision),
  send: (runs, decision) => runs.decide(decision),
});

const isMissing = (value: unknown): boolean => value === undefined;

/** The decision as the line and the run's status say it; its shape is checked afterwards. */
function bind(
  runId: string,
  choice: Decision['choice'],
  live: LiveStatus | null,
  options: DecisionOptions,
): Partial<Record<keyof Decision, unknown>> {
  const { comment, to, final, acknowledge, decisionId, requestId } = options;
  const status = live !== null && 'status' in live ? live.status : null;
  // With a request of the caller's own, whether it is pending is for the run to judge, and to write down.
  const awaited = status === null || requestId !== undefined ? null : requireAwaited(status, options.gate);
  const bound = awaited ?? boundTo(options);
  const gate = status?.gates.find((one) => one.gate === bound?.gate);
  const fields = {
    request_id: requestId ?? awaited?.request_id,
    gate: bound?.gate,
    attempt: options.attempt ?? bound?.attempt,
    output_sha256: options.output ?? awaited?.output_sha256 ?? gate?.output_sha256 ?? undefined,
    policy_sha256: options.policy ?? status?.policy_sha256,
  };
  requireBinding(fields, live);
  return {
    ...fields,
    decision_id: decisionId ?? randomUUID(),
    run_id: runId,
    actor: options.as,
    choice,
    comment: choice === 'approve' ? comment : undefined,
    reason: choice === 'reject' ? comment : undefined,
    to_gate: to,
    final,
    acknowledged: acknowledge,
  };
}

/** Gate and attempt, which are in the request's own id too. */
function boundTo({ gate, attempt, requestId }: DecisionOptions): { gate: GateId; attempt: number } | null {
  const [, named, number] = /^(P\d\d)\.(\d{1,6})\.\d{1,6}$/.exec(requestId ?? '') ?? [];
  const bound = { gate: gate ?? named, attempt: attempt ?? Number(number) };
  return requestId !== undefined && isGateId(bound.gate) && bound.attempt > 0
    ? { gate: bound.gate, attempt: bound.attempt }
    : null;
}

/** The decision that is pending at a gate, or the only one. @throws PromptOsError NOTHING_AWAITED */
function requireAwaited(status: RunStatus, gate: GateId | undefined): AwaitedDecision {
  const pending = status.awaiting.filter((awaited) => awaited.kind === 'decision');
  const found = pending.find((awaited) => gate === undefined || awaited.gate === gate);
  if (found !== undefined) return found;
  const what = gate === undefined ? 'decision' : `decision on ${gate}`;
  const others = status.awaiting.map(describeAwaited).join('; ');
  throw new PromptOsError(
    'NOTHING_AWAITED',
    `Run ${status.run_id} awaits no ${what}. ${others === '' ? 'It awaits nothing.' : `It awaits ${others}.`}`,
  );
}
