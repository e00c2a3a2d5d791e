import { setTimeout as delay } from 'node:timers/promises';
import { PromptOsError } from '../contracts/errors.js';
import type { RunStatus } from '../contracts/run-status.js';
import type { CommandContext } from './context.js';
import { followRun } from './follow-run.js';
import { type OpenedRuns, withRuns } from './governed-runs.js';
import { isNoServer } from './no-server.js';
import type { Output } from './output.js';
import { publishedStatus } from './recorded-status.js';
import { selectRun } from './select-run.js';
import { announceRun } from './selected-run.js';
import { createAge, describeProgress } from './show-progress.js';
import { sayAwaited, showLiveRun, showRun } from './show-run.js';
import { type RunPlaces, showStatus } from './show-status.js';
import { storedStatus } from './stored-status.js';

/** Milliseconds between two looks. */
const LOOK_MS = 1_000;

/**
 * `run status --follow`: on a terminal the status, drawn again until the run has ended; elsewhere a line for each change. Then
 * the status that the run ended with.
 */
export async function followStatus(context: CommandContext, given: string): Promise<void> {
  try {
    await withRuns(context, async (session) => {
      const output = context.output();
      const run = await selectRun(given, session);
      if ((await session.store.published(run.run_id)) === null) {
        if (!output.redraws) announceRun(run, output);
        await (output.redraws ? redrawUntilEnd : listChanges)(output, session, run.run_id);
      }
      await showLiveRun(output, session, run.run_id);
    });
  } catch (error) {
    if (!isNoServer(error)) throw error;
    await showRun(context, given);
  }
}

async function listChanges(output: Output, { runs, store }: OpenedRuns, runId: string): Promise<void> {
  await followRun({
    runs,
    runId,
    output,
    // Ctrl-C ends the command as it ends any program: there is nothing to tidy up.
    signal: new AbortController().signal,
    onAwaiting: async (status, awaited) => sayAwaited(status, awaited, output),
    published: () => publishedStatus(store, runId),
  });
}

async function redrawUntilEnd(output: Output, session: OpenedRuns, runId: string): Promise<void> {
  const { runs, temporal } = session;
  const ageOf = createAge();
  const ui = await temporal.runPage(runId);
  for (;;) {
    const { open, at_work } = await runs.moment(runId);
    const status = open ? await currentStatus(session, runId) : null;
    if (!open || (status?.phase === 'closed' && status.run_record_sha256 !== null)) break;
    const progress = at_work === null ? [] : describeProgress(at_work, ageOf(at_work));
    const places = { tree: null, ui, progress };
    output.live(status === null ? [`run     ${runId}`, 'state   no worker answers'] : statusLines(status, places));
    await delay(LOOK_MS);
  }
  output.live([]);
}

/** The status, from the store where no worker answers; null when that has none. */
async function currentStatus({ runs, store }: OpenedRuns, runId: string): Promise<RunStatus | null> {
  try {
    return await runs.status(runId);
  } catch (error) {
    if (!(error instanceof PromptOsError && error.code === 'WORKER_MISSING')) throw error;
    return (await storedStatus(runs, store, runId))?.status ?? null;
  }
}

/** What `showStatus` says, as lines. */
function statusLines(status: RunStatus, places: RunPlaces): readonly string[] {
  const lines: string[] = [];
  showStatus(status, places, { say: (text = '') => lines.push(...text.split('\n')) });
  return lines;
}
