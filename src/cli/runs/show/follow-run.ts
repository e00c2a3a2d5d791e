import { setTimeout as delay } from 'node:timers/promises';
import type { GovernedRuns } from '../../../client/client.js';
import type { GateAtWork } from '../../../client/progress.js';
import type { RunTrouble } from '../../../client/trouble.js';
import { PromptOsError } from '../../../contracts/errors.js';
import type { GateProgress } from '../../../contracts/run/gate-progress.js';
import type { AwaitedDecision, AwaitedResolution, RunStatus } from '../../../contracts/run/run-status.js';
import type { Output } from '../../app/output.js';
import { printableLine } from '../../app/printable.js';
import { onStopSignal, stopBySignal } from '../../app/stop-signals.js';
import { describeGate, describeTrouble } from './show-status.js';

/** Milliseconds between two queries of the run that is followed. */
const POLL_MS = 400;
const LOOKS_BETWEEN_CHECKS = 12;
/** A worker says every 2 seconds what a gate is at. */
const LOOKS_BETWEEN_PROGRESS = 3;

export interface FollowOptions {
  readonly runs: GovernedRuns;
  readonly runId: string;
  readonly output: Output;
  /** Ends the following; without it the following ends with the run. */
  readonly signal?: AbortSignal;
  /**
   * Called once for each request that comes up, with what is asked. Nothing is looked at meanwhile, so that a question
   * on the terminal is not written over.
   */
  onAwaiting?(status: RunStatus, awaited: AwaitedDecision | AwaitedResolution): Promise<void>;
  /** What a run that has ended came to, where no worker is there to say it; null when nothing is known. */
  published(): Promise<RunStatus | null>;
}

/**
 * Prints what happens in a run until it has ended and its record is published.
 * @returns the last status, or null when `signal` was aborted first
 * @throws PromptOsError WORKER_MISSING when a run has ended that neither a worker nor the store knows
 */
export function followRun(options: FollowOptions): Promise<RunStatus | null> {
  const { signal, onAwaiting } = options;
  let answering = Promise.resolve();
  const ended = lookUntilEnd({
    ...options,
    onAwaiting: async (status, awaited) => {
      answering = onAwaiting?.(status, awaited) ?? answering;
      await answering;
    },
  });
  const stopped = new Promise<null>((resolve) => {
    // A look at a server that is gone takes long. An answer that is under way is waited for, and says itself why it fails.
    const stop = () =>
      answering.then(
        () => resolve(null),
        () => undefined,
      );
    signal?.addEventListener('abort', stop, { once: true });
  });
  return Promise.race([ended, stopped]);
}

async function lookUntilEnd(options: FollowOptions): Promise<RunStatus | null> {
  const { runs, runId, output, signal, onAwaiting, published } = options;
  const shown = new Map<string, string>();
  const asked = new Set<string>();
  const showProgress = createProgressView(output);
  const showTrouble = createTroubleView(runId, output);
  let atWork: GateAtWork | null = null;
  for (let look = 1; ; look++) {
    const status = await lookAt(runs, runId);
    if (signal?.aborted) return null;
    // A run that was terminated, or whose record could not be published, never says that it has ended.
    if ((status === null || look % LOOKS_BETWEEN_CHECKS === 0) && (await runs.describe(runId)).status !== 'RUNNING') {
      await runs.wait(runId);
      const last = await published();
      if (last !== null) {
        showChanges(last, shown, output);
        return last;
      }
      // Nothing more will come: no worker says how the run ended, and this store does not.
      if (status === null) {
        throw new PromptOsError(
          'WORKER_MISSING',
          `Run ${runId} has ended. Its record is not in this store, and no worker answers.`,
        );
      }
    }
    if (status !== null) {
      showChanges(status, shown, output);
      if (status.phase === 'closed' && status.run_record_sha256 !== null) return status;
      const next = status.awaiting.find(({ request_id }) => !asked.has(request_id));
      if (next !== undefined) {
        asked.add(next.request_id);
        showProgress(null);
        output.emit({ event: 'awaiting', ...next });
        await onAwaiting?.(status, next);
        continue;
      }
    }
    if (status !== null && !status.gates.some(({ state }) => state === 'running')) atWork = null;
    else if (look % LOOKS_BETWEEN_PROGRESS === 0) atWork = (await runs.moment(runId)).at_work;
    showProgress(atWork);
    // Neither a gate nor a person is at work.
    if (atWork === null && (status?.awaiting ?? []).length === 0 && look % LOOKS_BETWEEN_CHECKS === 0) {
      showTrouble(await runs.trouble(runId).catch(() => null), (status?.phase ?? 'new') !== 'new');
    }
    await delay(POLL_MS, undefined, signal && { signal }).catch(() => undefined);
  }
}

/** Ctrl-C ends a command that only looks on. */
export async function whileLookingOn<T>(output: Output, runId: string, look: () => Promise<T>): Promise<T> {
  const release = onStopSignal((signal) => stopBySignal(signal, output, `. Run ${runId} goes on.`));
  return look().finally(release);
}

/** A run that no worker answers for is still a run: it is looked at again. */
async function lookAt(runs: GovernedRuns, runId: string): Promise<RunStatus | null> {
  try {
    return await runs.status(runId);
  } catch (error) {
    if (error instanceof PromptOsError && error.code === 'WORKER_MISSING') return null;
    throw error;
  }
}

function showChanges(status: RunStatus, shown: Map<string, string>, output: Output): void {
  for (const gate of status.gates) {
    const text = describeGate(gate);
    if (text === null || shown.get(gate.gate) === text) continue;
    shown.set(gate.gate, text);
    output.say(text);
    const { gate: id, state, attempt, verdict, reason, handed_off } = gate;
    output.emit({ event: 'gate', gate: id, state, attempt, verdict, reason, handed_off });
  }
}

/** Prints what keeps a run from going on once, however often it is met again. */
function createTroubleView(runId: string, output: Output): (trouble: RunTrouble | null, began: boolean) => void {
  let shown = '';
  return (trouble, began) => {
    const { state, step, code } = trouble ?? {};
    const change = JSON.stringify([state, step, code]);
    if (trouble === null || change === shown) return;
    shown = change;
    for (const line of describeTrouble(runId, trouble, began)) output.say(line);
    output.emit({ event: 'trouble', ...trouble });
  };
}

/** Milliseconds that a step takes before it is shown as in progress. */
const LONG_MS = 2_000;

/** Such as `1:05` or `2:00:00`. */
export function clock(milliseconds: number): string {
  const seconds = Math.floor(milliseconds / 1_000);
  const [hours, minutes] = [Math.floor(seconds / 3_600), Math.floor(seconds / 60) % 60];
  const two = (count: number) => String(count).padStart(2, '0');
  return hours === 0 ? `${minutes}:${two(seconds % 60)}` : `${hours}:${two(minutes)}:${two(seconds % 60)}`;
}

/** What the worker does now, with its time and its time-out. */
function describeActivity({ activity, elapsed_ms, timeout_ms, times_out_at }: GateProgress, waitedMs: number): string {
  const taken = clock(elapsed_ms + waitedMs);
  const limit = timeout_ms === null ? '' : ` of ${clock(timeout_ms)}, time-out at ${times_out_at}`;
  return `${printableLine(activity, 120)}: ${taken}${limit}`;
}

/**
 * What a gate is at, on one line or two: the second is the last line that was printed.
 * @param waitedMs since the worker said it
 */
export function describeProgress(
  { started, since, handed_out, last_failure, progress }: GateAtWork,
  waitedMs = 0,
): readonly string[] {
  const at = since === null ? '' : ` since ${since.toISOString()}`;
  if (!started && handed_out > 1)
    return [
      `is tried again at ${since?.toISOString() ?? 'once'}: ${printableLine(last_failure ?? 'the worker was lost', 300)}`,
    ];
  if (!started) return [`waits for a worker${at}`];
  if (progress === null) return [`at work${at}`];
  const line = progress.last_line;
  return [describeActivity(progress, waitedMs), ...(line === null ? [] : [`│ ${printableLine(line, 200)}`])];
}

/** What a gate is at, for a program. */
export function progressFacts({ started, since, handed_out, last_failure, progress }: GateAtWork): object {
  const { output: _, ...said } = progress ?? { output: [] };
  return { started, since: since?.toISOString() ?? null, handed_out, last_failure, ...said };
}

/** How long ago the worker said what it says, in milliseconds of this machine: clocks of two machines may differ. */
export function createAge(): (atWork: GateAtWork | null) => number {
  let seen = { key: '', at: 0 };
  return (atWork) => {
    const { started, handed_out, progress } = atWork ?? { started: false, handed_out: 0, progress: null };
    const key = JSON.stringify([started, handed_out, progress?.started_at, progress?.elapsed_ms]);
    if (key !== seen.key) seen = { key, at: performance.now() };
    return performance.now() - seen.at;
  };
}

/** Shows the current step of a gate while its run is followed; null removes it. */
export type ShowProgress = (atWork: GateAtWork | null) => void;

/** On a terminal lines that are drawn again; elsewhere a line whenever the activity or its last line changes. */
export function createProgressView(output: Output): ShowProgress {
  const ageOf = createAge();
  let shown = '';
  return (atWork) => {
    const age = ageOf(atWork);
    if (atWork === null || (atWork.progress?.elapsed_ms ?? 0) + age < LONG_MS) return output.live([]);
    const lines = describeProgress(atWork, age);
    output.live(lines.map((line) => `    ${line}`));
    const { started, handed_out, progress } = atWork;
    const change = JSON.stringify([started, handed_out, progress?.gate, progress?.activity, progress?.last_line]);
    if (change === shown) return;
    shown = change;
    if (!output.redraws) output.say(`    ${lines.join('  ')}`);
    output.emit({ event: 'progress', ...progressFacts(atWork) });
  };
}
