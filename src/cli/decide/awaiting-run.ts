import { PromptOsError } from '../../contracts/errors.js';
import type { AwaitedDecision, AwaitedResolution } from '../../contracts/run/run-status.js';
import type { Output } from '../app/output.js';
import { describeSelected, latestRun, openRuns, type SelectedRun } from '../app/select-run.js';
import type { OpenedRuns } from '../runs/read/governed-runs.js';
import { type LiveStatus, liveStatus } from '../runs/read/run-status.js';
import { describeAwaited } from '../runs/show/show-status.js';

type Awaited = AwaitedDecision | AwaitedResolution;

/** What `latest` is looked for by, for a command that answers. */
export interface WantedAnswer {
  readonly kind: Awaited['kind'];
  /** Such as `a decision on P03`. */
  readonly wanted: string;
  /** Whether a request is the one that the line names, as by `--gate`. */
  matches(awaited: Awaited): boolean;
}

interface WaitingRun {
  readonly run: SelectedRun;
  /** Null when it cannot be known whether the run waits. */
  readonly requests: readonly Awaited[] | null;
}

/**
 * What `latest` means to a command that answers: the one run of this repository that waits for such an answer. With
 * several it is not for the command to choose: they are listed.
 * @throws PromptOsError RUN_AMBIGUOUS, NOTHING_AWAITED, RUN_NOT_FOUND
 */
export async function awaitingRun(session: OpenedRuns, wanted: WantedAnswer, output: Output): Promise<SelectedRun> {
  const open = await Promise.all(
    (await openRuns(session)).map(async (run): Promise<WaitingRun> => {
      const live = await liveStatus(session, run.run_id).catch(closedMeanwhile);
      return { run, requests: requestsOf(live, wanted) };
    }),
  );
  const waiting = open.filter(({ requests }) => requests === null || requests.length > 0);
  const [only, ...others] = waiting;
  if (only !== undefined && others.length === 0) return only.run;
  const { what } = session.here;
  if (only === undefined) throw await nothingAwaited(session, `No run of ${what} waits for ${wanted.wanted}.`);
  for (const { run, requests } of waiting) {
    output.note(`${run.run_id}  ${requests?.map(describeAwaited).join('; ') ?? 'unknown: no worker answers for it'}`);
  }
  const ids = waiting.map(({ run }) => run.run_id);
  const named = ids.slice(0, 5).join(', ') + (ids.length > 5 ? ', …' : '');
  throw new PromptOsError('RUN_AMBIGUOUS', `${ids.length} runs of ${what} wait for ${wanted.wanted}: ${named}.`, {
    hint: 'Give the id of the run that is meant instead of "latest".',
  });
}

function closedMeanwhile(error: unknown): null {
  if (error instanceof PromptOsError && error.code === 'RUN_CLOSED') return null;
  throw error;
}

function requestsOf(live: LiveStatus | null, { kind, matches }: WantedAnswer): readonly Awaited[] | null {
  if (live === null) return [];
  if ('missing' in live) return null;
  return live.status.awaiting.filter((awaited) => awaited.kind === kind && matches(awaited));
}

async function nothingAwaited(session: OpenedRuns, summary: string): Promise<PromptOsError> {
  const newest = await latestRun(session);
  const live = await liveStatus(session, newest.run_id).catch(closedMeanwhile);
  const doing = live === null ? 'has ended' : 'status' in live ? awaits(live.status.awaiting) : 'has no worker';
  return new PromptOsError('NOTHING_AWAITED', `${summary} The newest, ${describeSelected(newest)}, ${doing}.`);
}

const awaits = (awaiting: readonly Awaited[]): string =>
  awaiting.length === 0 ? 'awaits nothing' : `awaits ${awaiting.map(describeAwaited).join('; ')}`;

/**
 * What `latest` means to a command that ends a run: the one open run of this repository. With several they are listed.
 * @throws PromptOsError RUN_AMBIGUOUS, RUN_NOT_FOUND
 */
export async function onlyOpenRun(session: OpenedRuns, output: Output): Promise<SelectedRun> {
  const open = await openRuns(session);
  const [only, ...others] = open;
  if (only === undefined) return latestRun(session);
  if (others.length === 0) return only;
  for (const run of open) output.note(`${run.run_id}  started ${run.started_at.toISOString()}`);
  throw new PromptOsError('RUN_AMBIGUOUS', `${open.length} runs of ${session.here.what} are open.`, {
    hint: 'Give the id of the run that is meant instead of "latest".',
  });
}
