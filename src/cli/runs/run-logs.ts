import { setTimeout as delay } from 'node:timers/promises';
import type { GateAtWork } from '../../client/progress.js';
import type { CommandContext } from '../app/context.js';
import type { Output } from '../app/output.js';
import { announceRun } from '../app/select-run.js';
import {
  attemptAtWork,
  attemptKey,
  describeAttempt,
  isWanted,
  logsNotFound,
  publishedAttempts,
  type StartedAttempt,
  startedAttempts,
  type WantedAttempt,
} from './attempt-logs.js';
import type { OpenedRuns } from './governed-runs.js';
import { withPublishedOrLive } from './open-run.js';
import { createLogPrinter, type Printed, printEnded, printKept, printLive } from './print-logs.js';

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

/** Milliseconds between two looks; a worker says every 2 seconds what it has. */
const LOOK_MS = 1_000;

/**
 * Prints logs as they come: of the gate that is wanted until its attempt has ended, else of each gate until the run has ended.
 * What a gate printed between its last heartbeat and its end follows from the store.
 * @throws PromptOsError LOGS_NOT_FOUND when the run has ended without the gate that is wanted
 */
async function followLogs(
  output: Output,
  { runs, store }: Pick<OpenedRuns, 'runs' | 'store'>,
  runId: string,
  wanted: WantedAttempt,
): Promise<void> {
  const follower = createFollower(output, store, runId);
  let events = -1;
  for (;;) {
    const moment = await runs.moment(runId);
    if (moment.events !== events || !moment.open) {
      const all = await startedAttempts(runs, store, runId);
      const attempts = all.filter((one) => isWanted(wanted, one));
      if (events === -1) {
        const now = await attemptAtWork(runs, runId, moment);
        const isNow = now !== null && isWanted(wanted, now);
        follower.passOver(isNow ? attempts : attempts.slice(0, -1));
        if (!isNow && attempts.length === 0 && moment.open) output.note('It has not started; waiting for it.');
      }
      const ended = await follower.printEnded(attempts);
      if (ended && wanted.gate !== undefined) return;
      if (!moment.open && attempts.length === 0) throw logsNotFound(wanted, all);
      events = moment.events;
    }
    if (!moment.open) return;
    const progress = moment.at_work?.progress ?? null;
    if (moment.at_work !== null && progress !== null && isWanted(wanted, progress)) follower.printLive(moment.at_work);
    await delay(LOOK_MS);
  }
}

interface Follower {
  /** What had ended before, and is not to be printed. */
  passOver(attempts: readonly StartedAttempt[]): void;
  /** Prints what has ended since. @returns whether there was anything */
  printEnded(attempts: readonly StartedAttempt[]): Promise<boolean>;
  printLive(atWork: GateAtWork): void;
}

function createFollower(output: Output, store: OpenedRuns['store'], runId: string): Follower {
  const printer = createLogPrinter(output);
  const over = new Set<string>();
  const printed = new Map<string, Printed>();
  const incomplete = new Set<string>();
  const printedOf = (key: string): Printed => {
    const known = printed.get(key) ?? new Map();
    printed.set(key, known);
    return known;
  };
  const end = async (attempt: StartedAttempt) => {
    const { gate, output_sha256 } = attempt;
    const key = attemptKey(attempt);
    over.add(key);
    if (output_sha256 !== null) await printKept(store, { ...attempt, output_sha256 }, printer, printedOf(key));
    printer.flush();
    output.emit({ event: 'ended', gate, attempt: attempt.attempt, kept: output_sha256 !== null });
    const whole = incomplete.has(key)
      ? `; the whole log: promptos run logs ${runId} --gate ${gate} --attempt ${attempt.attempt}`
      : '';
    output.note(`${describeAttempt(attempt)} ${output_sha256 === null ? 'was interrupted' : 'has ended'}${whole}`);
    printed.delete(key);
  };
  return {
    passOver(attempts) {
      for (const attempt of attempts) if (attempt.ended) over.add(attemptKey(attempt));
    },
    async printEnded(attempts) {
      const ended = attempts.filter((attempt) => attempt.ended && !over.has(attemptKey(attempt)));
      for (const attempt of ended) await end(attempt);
      return ended.length > 0;
    },
    printLive({ progress }) {
      if (progress === null || over.has(attemptKey(progress))) return;
      const key = attemptKey(progress);
      if (printLive(progress, printer, printedOf(key))) incomplete.add(key);
    },
  };
}
