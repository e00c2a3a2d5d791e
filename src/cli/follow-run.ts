import { setTimeout as delay } from 'node:timers/promises';
import type { GateAtWork, GovernedRuns } from '../client/client.js';
import { PromptOsError } from '../contracts/errors.js';
import type { AwaitedDecision, AwaitedResolution, GateStatus, RunStatus } from '../contracts/run-status.js';
import { counted } from '../contracts/sentences.js';
import type { Output } from './output.js';
import { printableLine } from './printable.js';
import { createProgressView } from './show-progress.js';

/** Milliseconds between two looks at the one run that somebody watches. */
const POLL_MS = 400;
const LOOKS_BETWEEN_CHECKS = 12;
/** A worker says every 2 seconds what a gate is at. */
const LOOKS_BETWEEN_PROGRESS = 3;

export interface FollowOptions {
  readonly runs: GovernedRuns;
  readonly runId: string;
  readonly output: Output;
  readonly signal: AbortSignal;
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
export async function followRun(options: FollowOptions): Promise<RunStatus | null> {
  const { runs, runId, output, signal, onAwaiting, published } = options;
  const shown = new Map<string, string>();
  const asked = new Set<string>();
  const showProgress = createProgressView(output);
  let atWork: GateAtWork | null = null;
  for (let look = 1; !signal.aborted; look++) {
    const status = await lookAt(runs, runId);
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
    await delay(POLL_MS, undefined, { signal }).catch(() => undefined);
  }
  return null;
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
    const { gate: id, state, attempt, verdict, reason } = gate;
    output.emit({ event: 'gate', gate: id, state, attempt, verdict, reason });
  }
}

const MARKS: Readonly<Record<GateStatus['state'], string>> = {
  waiting: '·',
  running: '▸',
  awaiting_decision: '?',
  held: '!',
  passed: '✓',
};

/** One line about a gate, or null when it has not started. */
export function describeGate({
  gate,
  title,
  state,
  attempt,
  verdict,
  reason,
  findings,
  findings_omitted,
}: GateStatus): string | null {
  if (attempt === 0) return null;
  const words: string[] = [
    `${MARKS[state]} ${gate} ${title.padEnd(20)} ${state.replaceAll('_', ' ')}, attempt ${attempt}`,
  ];
  if (state === 'running') return words.join('');
  const count = findings.length + findings_omitted;
  if (count > 0) words.push(counted(count, 'finding'));
  // The reason is whole sentences, so it comes last.
  if (state !== 'passed' && verdict !== null)
    words.push(`verdict ${verdict}${reason === null ? '' : `: ${printableLine(reason)}`}`);
  else if (state === 'held' && reason !== null) words.push(printableLine(reason, 300));
  return words.join(', ');
}
