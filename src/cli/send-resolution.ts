import { randomUUID } from 'node:crypto';
import { resolutionSchema } from '../contracts/decisions.js';
import { PromptOsError } from '../contracts/errors.js';
import type { GateId, ResolutionChoice } from '../contracts/names.js';
import type { AwaitedResolution, RunStatus } from '../contracts/run-status.js';
import { askResolution } from './ask-resolution.js';
import type { CommandContext } from './context.js';
import { printMessage, reportDelivery, shownReportSha256 } from './decide-as.js';
import { withRuns } from './governed-runs.js';
import { type LiveStatus, liveStatus, readMessage, requireActor } from './live-status.js';
import { selectRun } from './select-run.js';
import { describeAwaited } from './show-status.js';

/** What `resolve` takes. The last two are filled from the run's status where they are not given. */
export interface ResolutionOptions {
  readonly choose?: ResolutionChoice;
  readonly as?: string;
  readonly to?: GateId;
  readonly guidance?: string;
  readonly waive?: readonly string[];
  readonly decisionId?: string;
  readonly requestId?: string;
  readonly policy?: string;
  readonly key?: string;
  readonly print?: true;
}

/**
 * Answers an open escalation, or asks on the terminal when the line does not say enough.
 * @param escalation its id; not needed where one is open
 * @throws PromptOsError NOTHING_AWAITED, DECISION_REFUSED, WORKER_MISSING, NOT_A_TERMINAL, USAGE
 */
export async function sendResolution(
  context: CommandContext,
  given: string,
  escalation: string | undefined,
  options: ResolutionOptions,
): Promise<void> {
  const output = context.output();
  const { choose, as, to, guidance, waive, decisionId, requestId, policy, key, print } = options;
  const asks = choose === undefined || as === undefined;
  if (asks && !output.interactive) {
    requireActor(as);
    throw new PromptOsError('NOT_A_TERMINAL', 'The line does not say how the run goes on.', {
      hint: 'Say it: --choose continue, retry, rework or abort.',
    });
  }
  await withRuns(
    context,
    async (session) => {
      const { runs, store } = session;
      const runId = await selectRun(given, store, runs);
      const bound = requestId !== undefined && policy !== undefined && escalation !== undefined;
      const live = bound && !asks ? null : await liveStatus(session, runId);
      if (asks) {
        const status = requireStatus(live);
        const awaited = requireOpen(status, escalation);
        if ((await askResolution({ runs, store, status, awaited, output, actor: as ?? null })) === 'later')
          context.exit(1);
        return;
      }
      const status = live === null || (requestId !== undefined && policy !== undefined) ? null : requireStatus(live);
      // With a request of the caller's own, whether it stands is for the run to judge, and to write down.
      const awaited = status === null || requestId !== undefined ? null : requireOpen(status, escalation);
      const resolution = readMessage(resolutionSchema, {
        decision_id: decisionId ?? randomUUID(),
        run_id: runId,
        escalation_id: escalation ?? awaited?.escalation_id ?? requestId?.split('.')[0],
        request_id: requestId ?? awaited?.request_id,
        policy_sha256: policy ?? status?.policy_sha256,
        report_sha256: awaited === null ? undefined : shownReportSha256(awaited),
        actor: as,
        choice: choose,
        to_gate: to,
        guidance,
        waive,
      });
      if (print === true) return printMessage(await runs.sealResolution(resolution), output);
      reportDelivery(await runs.resolve(resolution), `${choose} on ${resolution.escalation_id}`, output);
    },
    { key },
  );
}

function requireStatus(live: LiveStatus | null): RunStatus {
  if (live !== null && 'status' in live) return live.status;
  const hint = 'Start a worker: `promptos worker`; or give ESCALATION, --request-id and --policy too.';
  throw new PromptOsError('WORKER_MISSING', live?.missing.summary ?? 'No worker answered.', {
    hint,
    cause: live?.missing,
  });
}

/** The escalation of that id, or the only one that is open. @throws PromptOsError NOTHING_AWAITED, USAGE */
export function requireOpen(status: RunStatus, escalation: string | undefined): AwaitedResolution {
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
