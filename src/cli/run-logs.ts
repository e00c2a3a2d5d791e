import {
  attemptAtWork,
  describeAttempt,
  isWanted,
  logsNotFound,
  publishedAttempts,
  startedAttempts,
  type WantedAttempt,
} from './attempt-logs.js';
import type { CommandContext } from './context.js';
import { followLogs } from './follow-logs.js';
import type { OpenedRuns } from './governed-runs.js';
import { createLogPrinter } from './log-printer.js';
import type { Output } from './output.js';
import { printEnded, printLive } from './print-logs.js';
import { withPublishedOrLive } from './published-or-live.js';
import { announceRun } from './selected-run.js';

export interface LogsOptions extends WantedAttempt {
  readonly follow?: true;
}

/**
 * `run logs`: what the checks and the executors of a gate print. While a worker is at it, from its heartbeats; afterwards from
 * the store.
 */
export async function showLogs(
  context: CommandContext,
  given: string,
  { follow, ...wanted }: LogsOptions,
): Promise<void> {
  const output = context.output();
  await withPublishedOrLive(context, given, {
    published: async (store, run) => {
      announceRun(run, output);
      const all = await publishedAttempts(store, run.run_id);
      const attempts = all.filter((one) => isWanted(wanted, one));
      if (attempts.length === 0) throw logsNotFound(wanted, all);
      await printEnded(store, { attempts, wanted }, createLogPrinter(output), output);
    },
    live: async (session, run) => {
      announceRun(run, output);
      if (follow === true) await followLogs(output, session, run.run_id, wanted);
      else await showNow(output, session, run.run_id, wanted);
    },
  });
}

async function showNow(
  output: Output,
  { runs, store }: OpenedRuns,
  runId: string,
  wanted: WantedAttempt,
): Promise<void> {
  const printer = createLogPrinter(output);
  const moment = await runs.moment(runId);
  const progress = moment.at_work?.progress ?? null;
  if (progress !== null && isWanted(wanted, progress)) {
    const missing = printLive(progress, printer, new Map());
    printer.flush();
    if (missing)
      output.note('note: this is the end of what was printed; the whole of it is kept once the gate has ended');
    if (progress.output.length === 0) output.note(`${describeAttempt(progress)} has printed nothing yet`);
    return;
  }
  const now = await attemptAtWork(runs, runId, moment);
  if (now !== null && isWanted(wanted, now)) {
    output.note(`${describeAttempt(now)} has printed nothing yet`);
    return;
  }
  const all = await startedAttempts(runs, store, runId);
  const attempts = all.filter((one) => isWanted(wanted, one));
  if (attempts.length === 0) throw logsNotFound(wanted, all);
  await printEnded(store, { attempts, wanted }, printer, output);
}
