import type { DueGate } from '../contracts/activities.js';
import { type GateProgress, MAX_PROGRESS_BYTES } from '../contracts/gate-progress.js';
import type { CommandOutput, CommandWatch } from '../ports/command-watch.js';
import { createLiveOutput } from './live-output.js';

/** Characters of the name of what is done. */
const MAX_ACTIVITY = 120;

/** Follows what an attempt is at, for the details of its heartbeats. */
export interface GateProgressTracker {
  /** The engine itself begins something. */
  begin(activity: string): void;
  /**
   * A command is about to be started.
   * @param pathOf where the attempt keeps an output of it
   * @param tryNumber of the executor; 0 for a check
   */
  command(activity: string, pathOf: (output: CommandOutput) => string, tryNumber?: number): CommandWatch;
}

/** What is to be sent with a heartbeat, asked for at each. */
export type ReportProgress = (details: () => GateProgress) => void;

/** @param report takes what is known from now on, and sends it at once */
export function createGateProgress(
  { gate, attempt }: Pick<DueGate, 'gate' | 'attempt'>,
  report: ReportProgress,
): GateProgressTracker {
  const live = createLiveOutput();
  let now: Pick<GateProgress, 'activity' | 'try' | 'started_at' | 'times_out_at' | 'timeout_ms'>;
  let began = 0;

  const details = (): GateProgress => {
    const elapsed_ms = Math.round(performance.now() - began);
    const known: GateProgress = { gate, attempt, ...now, elapsed_ms, last_line: null, output: [] };
    const { pieces, lastLine } = live.look(MAX_PROGRESS_BYTES - Buffer.byteLength(JSON.stringify(known)) - 450);
    return { ...known, last_line: lastLine, output: [...pieces] };
  };
  const start = (activity: string, tryNumber: number, timeout_ms: number | null) => {
    const at = Date.now();
    began = performance.now();
    now = {
      activity: activity.slice(0, MAX_ACTIVITY),
      try: tryNumber,
      started_at: new Date(at).toISOString(),
      times_out_at: timeout_ms === null ? null : new Date(at + timeout_ms).toISOString(),
      timeout_ms,
    };
    report(details);
  };
  return {
    begin: (activity) => {
      live.close();
      start(activity, 0, null);
    },
    command: (activity, pathOf, tryNumber = 0) => {
      live.close();
      start(activity, tryNumber, null);
      const take = { stdout: live.open(pathOf('stdout')), stderr: live.open(pathOf('stderr')) };
      return {
        started: (timeoutMs) => start(activity, tryNumber, timeoutMs),
        printed: (output, chunk) => take[output](chunk),
      };
    },
  };
}
