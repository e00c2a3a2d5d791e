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

/** Milliseconds in which a worker comes to rest; twice, since what is let go of may hold other things. */
const REST_MS = 5_000;
/** Runs that are started at once. */
const BATCH = 10;

/** Has a worker come to rest and let go of what nobody holds any more. */
async function atRest(worker: BenchProcess): Promise<ProcessUse | null> {
  for (let time = 0; time < 2; time += 1) {
    await setTimeout(REST_MS);
    worker.collectGarbage();
  }
  await setTimeout(REST_MS);
  return worker.use();
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
