import { randomUUID } from 'node:crypto';
import { type Resolution, resolutionSchema } from '../../contracts/decisions.js';
import { PromptOsError } from '../../contracts/errors.js';
import { type GateId, RESOLUTION_CHOICES, type ResolutionChoice } from '../../contracts/names.js';
import type { AwaitedResolution, RunStatus } from '../../contracts/run-status.js';
import { resolveEscalationSignal } from '../../workflows/messages.js';
import type { LiveStatus } from '../runs/run-status.js';
import { describeAwaited } from '../runs/show-status.js';
import type { AnswerKind, AnswerOptions } from './answer.js';
import { askResolution } from './ask-resolution.js';
import { shownReportSha256 } from './decide-as.js';
import { readMessage, requireBinding } from './message.js';
import { readWaiverExpiry } from './waiver-expiry.js';

/** What `resolve` takes; what binds the resolution is filled from the run's status where it is not given. */
export interface ResolutionOptions extends AnswerOptions {
  /** The escalation's id; not needed where one is open. */
  readonly escalation?: string;
  readonly choose?: ResolutionChoice;
  readonly to?: GateId;
  readonly guidance?: string;
  readonly waive?: readonly string[];
  /** Until when what is waived counts: a duration, a day or an instant. */
  readonly expires?: string;
  readonly report?: string;
}

/** How an escalation is answered. */
export const resolutionAnswer = (
  line: ResolutionOptions,
): AnswerKind<ResolutionOptions, Resolution, AwaitedResolution> => ({
  kind: 'resolution',
  matches: (awaited) =>
    awaited.kind === 'resolution' && (line.escalation === undefined || awaited.escalation_id === line.escalation),
  isNamed: ({ escalation, requestId }) => escalation !== undefined || requestId !== undefined,
  naming: 'the escalation after the run, such as E1',
  signal: resolveEscalationSignal.name,
  isBare: ({ choose, to, guidance, waive, expires, report, decisionId, requestId, policy }) =>
    [choose, to, guidance, waive, expires, report, decisionId, requestId, policy].every((value) => value === undefined),
  isBound: ({ requestId, policy, report, ...rest }) =>
    requestId !== undefined && policy !== undefined && report !== undefined && idOf({ ...rest, requestId }) !== null,
  requireComplete: ({ choose }) => {
    if (choose !== undefined) return;
    throw new PromptOsError('NOT_A_TERMINAL', 'The line does not say how the run goes on.', {
      hint: 'Say it: --choose continue, retry, rework or abort.',
    });
  },
  complete: async (options, questions) => {
    if (options.choose !== undefined) return options;
    const choices = RESOLUTION_CHOICES.map((value) => ({ value, label: value }));
    const choose = await questions.choose<ResolutionChoice>('How does the run go on?', choices);
    return choose === null ? null : { ...options, choose };
  },
  awaited: (status, { escalation }) => requireOpen(status, escalation),
  found: (status, options) =>
    options.requestId === undefined ? requireOpen(status, options.escalation) : pending(status, options),
  compose: (runId, live, options) => readMessage(resolutionSchema, bind(runId, live, options)),
  describe: ({ choice, escalation_id }) => `${choice} on ${escalation_id}`,
  ask: askResolution,
  seal: (runs, resolution) => runs.sealResolution(resolution),
  send: (runs, resolution) => runs.resolve(resolution),
});

/** The resolution as the line and the run's status say it; its shape is checked afterwards. */
function bind(
  runId: string,
  live: LiveStatus | null,
  options: ResolutionOptions,
): Partial<Record<keyof Resolution, unknown>> {
  const { as, choose, to, guidance, waive, expires, decisionId, requestId } = options;
  if (expires !== undefined && choose !== 'continue') {
    throw new PromptOsError('USAGE', '--expires is about what --choose continue waives.');
  }
  const status = live !== null && 'status' in live ? live.status : null;
  // With a request of the caller's own, whether it is pending is for the run to judge, and to write down.
  const awaited =
    status === null
      ? null
      : requestId === undefined
        ? requireOpen(status, options.escalation)
        : pending(status, options);
  const fields = {
    request_id: requestId ?? awaited?.request_id,
    escalation_id: options.escalation ?? awaited?.escalation_id ?? idOf(options) ?? undefined,
    policy_sha256: options.policy ?? status?.policy_sha256,
    // What is signed is the report that was shown.
    report_sha256: options.report ?? (awaited === null ? undefined : shownReportSha256(awaited)),
  };
  requireBinding(fields, live);
  return {
    ...fields,
    decision_id: decisionId ?? randomUUID(),
    run_id: runId,
    actor: as,
    choice: choose,
    to_gate: to,
    guidance,
    waive,
    waiver_expires_at: expires === undefined ? undefined : readWaiverExpiry(expires, Date.now()),
  };
}

/** The escalation's id, which is in the request's own id too. */
const idOf = ({ escalation, requestId }: ResolutionOptions): string | null =>
  escalation ?? /^(E\d{1,6})\.\d{1,6}$/.exec(requestId ?? '')?.[1] ?? null;

/** The open escalation that a request of the caller's own is about, whether or not the request itself is pending. */
function pending(status: RunStatus, options: ResolutionOptions): AwaitedResolution | null {
  const id = idOf(options);
  return (
    status.awaiting.find(
      (awaited): awaited is AwaitedResolution => awaited.kind === 'resolution' && awaited.escalation_id === id,
    ) ?? null
  );
}

/** The escalation of that id, or the only one that is open. @throws PromptOsError NOTHING_AWAITED, USAGE */
function requireOpen(status: RunStatus, escalation: string | undefined): AwaitedResolution {
  const open = status.awaiting.filter((awaited) => awaited.kind === 'resolution');
  const ids = open.map(({ escalation_id }) => escalation_id).join(', ');
  if (escalation === undefined && open.length > 1) {
    throw new PromptOsError('USAGE', `Several escalations are open: ${ids}.`, { hint: 'Name one after the run.' });
  }
  const found = open.find(({ escalation_id }) => escalation === undefined || escalation_id === escalation);
  if (found !== undefined) return found;
  const what = escalation === undefined ? 'No escalation' : `No escalation ${escalation}`;
  const others = status.awaiting.map(describeAwaited).join('; ');
  throw new PromptOsError(
    'NOTHING_AWAITED',
    `${what} of run ${status.run_id} is open. It awaits ${others === '' ? 'nothing' : others}.`,
  );
}
