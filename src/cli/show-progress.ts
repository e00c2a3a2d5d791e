import type { GateAtWork } from '../client/client.js';
import type { GateProgress } from '../contracts/gate-progress.js';
import type { Output } from './output.js';
import { printableLine } from './printable.js';

/** Milliseconds that something takes before whoever follows a run hears of it. */
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

/** Shows what a gate is at while somebody follows its run; null takes it away. */
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
