import { randomUUID } from 'node:crypto';
import { type Decision, decisionSchema } from '../contracts/decisions.js';
import { PromptOsError } from '../contracts/errors.js';
import { type GateId, isGateId } from '../contracts/names.js';
import type { AwaitedDecision, RunStatus } from '../contracts/run-status.js';
import { askDecision } from './ask-decision.js';
import type { CommandContext } from './context.js';
import { printMessage, reportDelivery } from './decide-as.js';
import { type OpenedRuns, withRuns } from './governed-runs.js';
import { type LiveStatus, liveStatus, readMessage, requireActor } from './live-status.js';
import type { Output } from './output.js';
import { selectRun } from './select-run.js';
import { describeAwaited } from './show-status.js';

/** What `approve` and `reject` take. The last four are filled from the run's status where they are not given. */
export interface DecisionOptions {
  readonly gate?: GateId;
  readonly as?: string;
  readonly comment?: string;
  readonly to?: GateId;
  readonly final?: true;
  readonly acknowledge?: readonly string[];
  readonly decisionId?: string;
  readonly requestId?: string;
  readonly attempt?: number;
  readonly output?: string;
  readonly policy?: string;
  readonly key?: string;
  readonly print?: true;
}

/**
 * Decides on the request that stands, or asks on the terminal when the line does not say enough.
 * @throws PromptOsError NOTHING_AWAITED, DECISION_REFUSED, WORKER_MISSING, NOT_A_TERMINAL, USAGE
 */
export async function sendDecision(
  context: CommandContext,
  given: string,
  choice: Decision['choice'],
  options: DecisionOptions,
): Promise<void> {
  const output = context.output();
  const asks = options.as === undefined || (choice === 'reject' && options.comment === undefined);
  if (asks && !output.interactive) requireSaid(choice, options);
  await withRuns(
    context,
    async (session) => {
      const { runs, store } = session;
      const runId = await selectRun(given, store, runs);
      if (!asks) {
        const live = isBound(options) ? null : await liveStatus(session, runId);
        return deliver(session, { runId, choice, live, options }, output);
      }
      const live = await liveStatus(session, runId);
      if ('missing' in live) throw live.missing;
      const { status } = live;
      const awaited = requireAwaited(status, options.gate);
      const asked = { runs, store, status, awaited, output, actor: options.as ?? null, suggested: choice };
      if ((await askDecision(asked)) === 'later') context.exit(1);
    },
    { key: options.key },
  );
}

function requireSaid(choice: Decision['choice'], { as, comment }: DecisionOptions): void {
  requireActor(as);
  if (choice === 'reject' && comment === undefined) {
    throw new PromptOsError('USAGE', 'A rejection needs a reason: --comment TEXT. The next attempt gets it to read.');
  }
}

/** Whether the line alone says what is decided on, so that the run need not be asked. */
const isBound = ({ requestId, output, policy, ...rest }: DecisionOptions): boolean =>
  requestId !== undefined && output !== undefined && policy !== undefined && boundTo({ ...rest, requestId }) !== null;

interface Made {
  readonly runId: string;
  readonly choice: Decision['choice'];
  readonly live: LiveStatus | null;
  readonly options: DecisionOptions;
}

async function deliver({ runs }: OpenedRuns, made: Made, output: Output): Promise<void> {
  const decision = readMessage(decisionSchema, bind(made));
  const what = `${made.choice === 'approve' ? 'approval' : 'rejection'} of ${decision.gate}`;
  if (made.options.print === true) return printMessage(await runs.sealDecision(decision), output);
  reportDelivery(await runs.decide(decision), what, output);
}

/** The decision as the line and the run's status say it; its shape is checked afterwards. */
function bind({ runId, choice, live, options }: Made): Partial<Record<keyof Decision, unknown>> {
  const { comment, to, final, acknowledge, decisionId, requestId } = options;
  const status = live !== null && 'status' in live ? live.status : null;
  // With a request of the caller's own, whether it stands is for the run to judge, and to write down.
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
  requireFields(fields, live);
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

/** Gate and attempt, which stand in the request's own id too. */
function boundTo({ gate, attempt, requestId }: DecisionOptions): { gate: GateId; attempt: number } | null {
  const [, named, number] = /^(P\d\d)\.(\d{1,6})\.\d{1,6}$/.exec(requestId ?? '') ?? [];
  const bound = { gate: gate ?? named, attempt: attempt ?? Number(number) };
  return isGateId(bound.gate) && bound.attempt > 0 ? { gate: bound.gate, attempt: bound.attempt } : null;
}

const OPTION_OF: Readonly<Record<string, string>> = {
  request_id: '--request-id',
  gate: '--gate',
  attempt: '--attempt',
  output_sha256: '--output',
  policy_sha256: '--policy',
};

function requireFields(fields: Readonly<Record<string, unknown>>, live: LiveStatus | null): void {
  const missing = Object.keys(fields).filter((name) => fields[name] === undefined);
  if (missing.length === 0) return;
  const options = missing.map((name) => OPTION_OF[name]).join(', ');
  if (live !== null && 'missing' in live) {
    const hint = `Start a worker: \`promptos worker\`; or say what is decided on with ${options}, as the Temporal UI shows it.`;
    throw new PromptOsError('WORKER_MISSING', live.missing.summary, { cause: live.missing, hint });
  }
  throw new PromptOsError('USAGE', `The decision needs ${options}.`);
}

/** The decision that stands at a gate, or the only one. @throws PromptOsError NOTHING_AWAITED */
export function requireAwaited(status: RunStatus, gate: GateId | undefined): AwaitedDecision {
  const standing = status.awaiting.filter((awaited) => awaited.kind === 'decision');
  const found = standing.find((awaited) => gate === undefined || awaited.gate === gate);
  if (found !== undefined) return found;
  const what = gate === undefined ? 'decision' : `decision on ${gate}`;
  const others = status.awaiting.map(describeAwaited).join('; ');
  throw new PromptOsError(
    'NOTHING_AWAITED',
    `Run ${status.run_id} awaits no ${what}. ${others === '' ? 'It awaits nothing.' : `It awaits ${others}.`}`,
  );
}
