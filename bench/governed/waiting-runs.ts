import { setTimeout } from 'node:timers/promises';
import type { Client } from '@temporalio/client';
import { startBareRun } from '../bare/drive-bare-run.js';
import type { BenchProcess, ProcessUse } from './child-process.js';
import { awaitRequest, type GovernedBench, startGovernedRun } from './drive-governed-run.js';

/** What many runs cost that all wait for a person, and that the worker keeps in its cache. */
export interface WaitingRuns {
  readonly runs: number;
  readonly before: ProcessUse | null;
  readonly after: ProcessUse | null;
  /** Growth of the worker's resident memory per run. */
  readonly bytes_per_run: number | null;
}

/** Milliseconds for which a worker's memory must not have shrunk before it counts as at rest … */
const REST_MS = 5_000;
/** … and how long is waited for that at the most. */
const MAX_REST_MS = 40_000;
/** Runs that are started at once. */
const BATCH = 10;

/** Lets a worker come to rest, so that what it has let go is returned. */
async function atRest(worker: BenchProcess): Promise<ProcessUse | null> {
  let use = await worker.use();
  for (let rested = 0; use !== null && rested < MAX_REST_MS; rested += REST_MS) {
    await setTimeout(REST_MS);
    const now = await worker.use();
    const shrunk = now !== null && now.rss_bytes < use.rss_bytes - 1_000_000;
    use = now;
    if (!shrunk && rested > 0) break;
  }
  return use;
}

async function measureWaiting(
  worker: BenchProcess,
  runs: number,
  start: (number: number) => Promise<unknown>,
): Promise<WaitingRuns> {
  const before = await atRest(worker);
  for (let first = 0; first < runs; first += BATCH) {
    const batch = Array.from({ length: Math.min(BATCH, runs - first) }, (_, index) => start(first + index));
    await Promise.all(batch);
  }
  const after = await atRest(worker);
  const bytes_per_run = before === null || after === null ? null : (after.rss_bytes - before.rss_bytes) / runs;
  return { runs, before, after, bytes_per_run };
}

/** Governed runs that wait for the decision on their first gate. */
export const measureGovernedWaiting = (
  bench: GovernedBench,
  worker: BenchProcess,
  runs: number,
): Promise<WaitingRuns> =>
  measureWaiting(worker, runs, async (number) => {
    const runId = `waiting-${number}`;
    await startGovernedRun(bench, runId);
    await awaitRequest(bench, runId);
  });

/** Bare runs that wait for their first signal. */
export const measureBareWaiting = (client: Client, worker: BenchProcess, runs: number): Promise<WaitingRuns> =>
  measureWaiting(worker, runs, async (number) => {
    const run = await startBareRun(client, `waiting-${number}`);
    while ((await run.query('awaited')) === null) await setTimeout(50);
  });
