import { setTimeout as delay } from 'node:timers/promises';
import type { GateAtWork } from '../../../client/progress.js';
import type { GateProgress } from '../../../contracts/run/gate-progress.js';
import type { ArtifactStore } from '../../../ports/artifact-store.js';
import type { CommandContext } from '../../app/context.js';
import type { Output } from '../../app/output.js';
import { printable, printableLine } from '../../app/printable.js';
import { announceRun } from '../../app/select-run.js';
import {
  type AttemptName,
  attemptAtWork,
  attemptKey,
  describeAttempt,
  isWanted,
  keptLogs,
  logsNotFound,
  publishedAttempts,
  type StartedAttempt,
  startedAttempts,
  type WantedAttempt,
} from '../read/attempt-logs.js';
import type { OpenedRuns } from '../read/governed-runs.js';
import { withPublishedOrLive } from '../read/open-run.js';
import { whileLookingOn } from './follow-run.js';

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
      if (follow === true) {
        await whileLookingOn(output, run.run_id, () => followLogs(output, session, run.run_id, wanted));
      } else await showNow(output, session, run.run_id, wanted);
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
    const { gate, output_sha256, logs } = attempt;
    const key = attemptKey(attempt);
    over.add(key);
    await printKept(store, attempt, printer, printedOf(key));
    printer.flush();
    output.emit({ event: 'ended', gate, attempt: attempt.attempt, kept: output_sha256 !== null || logs.length > 0 });
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

/** Characters after which a line is broken, so that output without line ends does not fill the memory. */
const LONGEST_LINE = 16 * 1_024;

/** Prints logs line by line, each below the name of the output that it is of. What a terminal would obey is shown instead. */
export interface LogPrinter {
  text(attempt: AttemptName, path: string, text: string): void;
  /** Characters are missing here. */
  gap(attempt: AttemptName, path: string, characters: number): void;
  /** Prints the lines that have not ended. */
  flush(): void;
}

interface OpenLine extends AttemptName {
  readonly path: string;
  text: string;
}

export function createLogPrinter(output: Output): LogPrinter {
  const lines = new Map<string, OpenLine>();
  let heading = '';

  const lineOf = (attempt: AttemptName, path: string): OpenLine => {
    const name = `${describeAttempt(attempt)}: ${path}`;
    const known = lines.get(name) ?? { gate: attempt.gate, attempt: attempt.attempt, path, text: '' };
    lines.set(name, known);
    return known;
  };
  const below = (line: OpenLine, text: string, event: object) => {
    const { gate, attempt, path } = line;
    if (output.json) return output.emit({ ...event, gate, attempt, path });
    const name = `==> ${describeAttempt(line)}: ${printableLine(path, 200)} <==`;
    if (name !== heading) output.say(name);
    heading = name;
    output.say(text);
  };
  const print = (line: OpenLine, text: string) => below(line, printable(text), { event: 'log', line: text });
  const end = (line: OpenLine) => {
    if (line.text !== '') print(line, line.text.replace(/\r$/, ''));
    line.text = '';
  };
  return {
    text(attempt, path, text) {
      const line = lineOf(attempt, path);
      // The end of a line may be in two pieces: a "\r" at the end waits for what follows.
      const parts = `${line.text}${text}`.split(/\r\n|\n|\r(?!$)/);
      line.text = parts.pop() ?? '';
      for (const part of parts) print(line, part);
      while (line.text.length > LONGEST_LINE) {
        print(line, line.text.slice(0, LONGEST_LINE));
        line.text = line.text.slice(LONGEST_LINE);
      }
    },
    gap(attempt, path, characters) {
      const line = lineOf(attempt, path);
      end(line);
      below(line, `[${characters} characters left out]`, { event: 'gap', characters });
    },
    flush() {
      for (const line of lines.values()) end(line);
      lines.clear();
    },
  };
}

/** How far each output of an attempt was printed, in characters. */
export type Printed = Map<string, number>;

/**
 * Prints what an attempt kept, from where `printed` ends on.
 * @returns whether there was anything at all
 */
async function printKept(
  store: ArtifactStore,
  attempt: StartedAttempt,
  printer: LogPrinter,
  printed: Printed = new Map(),
): Promise<boolean> {
  let any = false;
  for (const { path, sha256, bytes } of await keptLogs(store, attempt)) {
    if (bytes === 0) continue;
    any = true;
    if (!(await store.hasObject(sha256))) {
      printer.text(attempt, path, '[removed: this transcript is no longer kept]\n');
      continue;
    }
    let passed = printed.get(path) ?? 0;
    const decoder = new TextDecoder();
    for await (const chunk of store.openObject(sha256)) {
      const text = decoder.decode(chunk, { stream: true });
      printer.text(attempt, path, text.slice(passed));
      passed = Math.max(0, passed - text.length);
    }
    printer.text(attempt, path, decoder.decode());
    printer.flush();
  }
  return any;
}

/** Prints the newest of the attempts, which has ended. @throws PromptOsError LOGS_NOT_FOUND, and what the store fails with */
async function printEnded(
  store: ArtifactStore,
  { attempts, wanted }: { readonly attempts: readonly StartedAttempt[]; readonly wanted: WantedAttempt },
  printer: LogPrinter,
  output: Output,
): Promise<void> {
  const newest = attempts.at(-1);
  if (newest === undefined || (newest.output_sha256 === null && newest.logs.length === 0)) {
    throw logsNotFound(wanted, attempts);
  }
  const any = await printKept(store, newest, printer);
  if (!any) output.note(`${describeAttempt(newest)} printed nothing`);
}

/**
 * Prints what a heartbeat has that was not printed yet.
 * @returns whether something between is missing
 */
export function printLive({ gate, attempt, output }: GateProgress, printer: LogPrinter, printed: Printed): boolean {
  let missing = false;
  for (const piece of output) {
    const path = printableLine(piece.path, 200);
    const before = printed.get(path) ?? 0;
    // Less than before: the worker has ended, and another one carries the attempt out from the start.
    const done = piece.end < before && piece === output.findLast((one) => one.path === piece.path) ? 0 : before;
    if (piece.end <= done) continue;
    const start = piece.end - piece.text.length;
    if (start > done) {
      missing = true;
      printer.gap({ gate, attempt }, path, start - done);
    }
    printer.text({ gate, attempt }, path, piece.text.slice(Math.max(0, done - start)));
    printed.set(path, piece.end);
  }
  return missing;
}
