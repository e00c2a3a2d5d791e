import type { Client } from '@temporalio/client';
import { driveBareRun } from '../bare/drive-bare-run.js';
import { type HistoryEvent, measureHistory, median } from '../measure.js';
import type { WorkSize } from './bench-repository.js';
import type { BenchProcess, ProcessUse } from './child-process.js';
import { type Door, driveGovernedRun, type GovernedBench } from './drive-governed-run.js';
import { activityTimes, answerToActivity, bytesByKind } from './history-facts.js';

/** What one shape of run left behind, the largest of several, and what it took, their median. */
export interface StraightPath {
  readonly runs: number;
  readonly events: number;
  /** As the server counts them. */
  readonly bytes: number;
  /** The sum over the events on the wire. */
  readonly wire_bytes: number;
  readonly actions: number;
  readonly answer_to_activity_ms: number | null;
  readonly duration_ms: number | null;
  /** Processor time of the worker's own process per run; null where the kernel does not tell. */
  readonly worker_cpu_ms: number | null;
  /** Of the programs that the worker started: git, executors, checks. */
  readonly programs_cpu_ms: number | null;
}

/** A run's history, whole. */
export const historyOf = async (client: Client, workflowId: string): Promise<readonly HistoryEvent[]> =>
  (await client.workflow.getHandle(workflowId).fetchHistory()).events ?? [];

interface Driven {
  readonly workflowId: string;
  readonly answered: readonly number[];
}

async function measureRuns(
  client: Client,
  worker: BenchProcess,
  runs: number,
  drive: (number: number) => Promise<Driven>,
): Promise<StraightPath> {
  const before = await worker.use();
  const driven: Driven[] = [];
  for (let number = 1; number <= runs; number += 1) driven.push(await drive(number));
  const after = await worker.use();
  const measures = await Promise.all(
    driven.map(async ({ workflowId, answered }) => {
      const events = await historyOf(client, workflowId);
      const wire = Object.values(bytesByKind(events)).reduce((sum, { bytes }) => sum + bytes, 0);
      return {
        ...(await measureHistory(client, workflowId)),
        wire,
        latencies: answerToActivity(events, answered),
      };
    }),
  );
  const used = (kind: keyof ProcessUse): number | null =>
    before === null || after === null ? null : (after[kind] - before[kind]) / runs;
  return {
    runs,
    events: Math.max(...measures.map(({ events }) => events)),
    bytes: Math.max(...measures.map(({ bytes }) => bytes)),
    wire_bytes: Math.max(...measures.map(({ wire }) => wire)),
    actions: Math.max(...measures.map(({ actions }) => actions)),
    answer_to_activity_ms: median(measures.flatMap(({ latencies }) => latencies)),
    duration_ms: median(measures.flatMap(({ duration_ms }) => duration_ms ?? [])),
    worker_cpu_ms: used('cpu_ms'),
    programs_cpu_ms: used('children_cpu_ms'),
  };
}

/** Measures governed runs on the straight path: six gates pass, one approval each. */
export function measureGoverned(
  bench: GovernedBench,
  worker: BenchProcess,
  { runs, door, size = 'small' }: { readonly runs: number; readonly door: Door; readonly size?: WorkSize },
): Promise<StraightPath> {
  return measureRuns(bench.client, worker, runs, (number) =>
    driveGovernedRun(bench, `bench-${size}-${door}-${number}`, door, size),
  );
}

/** Measures bare runs through the same door. */
export function measureBare(
  client: Client,
  worker: BenchProcess,
  { runs, door }: { readonly runs: number; readonly door: Door },
): Promise<StraightPath> {
  return measureRuns(client, worker, runs, async (number) => {
    const answered: number[] = [];
    const onAnswer = () => void answered.push(Date.now());
    return { workflowId: await driveBareRun(client, `${door}-${number}`, { door, onAnswer }), answered };
  });
}

/** Milliseconds that each gate's activity took, executors and checks included, in the order of the run; medians. */
export async function gateTimes(client: Client, workflowIds: readonly string[]): Promise<readonly (number | null)[]> {
  const all = await Promise.all(workflowIds.map(async (id) => activityTimes(await historyOf(client, id))));
  return (all[0] ?? []).map((_, index) => median(all.flatMap((times) => times[index]?.ms ?? [])));
}
