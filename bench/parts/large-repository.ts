import { type Contender, driveRun } from '../contender.js';
import { median, type Row, type Table } from '../figures.js';
import { atSite } from '../governed/site.js';
import { activityTimes, historyOf } from '../history.js';
import type { Options } from '../options.js';
import { processorTime } from '../process-tree.js';

/** One run in the large repository; null where there is no /proc. */
interface LargeRun {
  /** Milliseconds of each activity, in the order of the run. */
  readonly activities: readonly number[];
  readonly worker_ms: number | null;
  readonly programs_ms: number | null;
}

const ACTIVITIES = ['P00', 'P01', 'P03', 'P05', 'P06', 'P07', 'finalisation'];
/** Milliseconds that a gate may take; its executor and its check take next to nothing. */
const GOALS = { cold: 15_000, warm: 2_000 } as const;
const WARM_RUNS = 3;

async function drive(contender: Contender, runId: string): Promise<LargeRun> {
  const before = contender.worker().use();
  await driveRun(contender, runId, { door: 'signal' });
  const after = contender.worker().use();
  const used = before && after ? processorTime(before, after) : null;
  const times = activityTimes(await historyOf(contender.client, contender.workflowOf(runId)));
  return {
    activities: times.map(({ ms }) => ms),
    worker_ms: used?.worker_ms ?? null,
    programs_ms: used && used.helpers_ms + used.programs_ms,
  };
}

function rowsOf(cold: LargeRun, warm: readonly LargeRun[]): readonly Row[] {
  const middle = (of: (run: LargeRun) => number | null | undefined) => median(warm.flatMap((run) => of(run) ?? []));
  const gates = ACTIVITIES.map((name, index) => ({
    name: `${name}: ms of its activity`,
    values: { cold: cold.activities[index] ?? null, warm: middle(({ activities }) => activities[index]) },
    goals: [
      { of: ['cold'], most: GOALS.cold },
      { of: ['warm'], most: GOALS.warm },
    ],
  }));
  return [
    ...gates,
    { name: 'worker: ms of processor time', values: { cold: cold.worker_ms, warm: middle((run) => run.worker_ms) } },
    {
      name: 'git, executors, checks: ms of processor time',
      values: { cold: cold.programs_ms, warm: middle((run) => run.programs_ms) },
    },
  ];
}

/** What gates take in a repository of many files: in the first run of a worker, and in those after it. */
export const measureLargeRepository = ({ files, bytes, unsigned }: Options): Promise<readonly Table[]> =>
  atSite({ signed: !unsigned, filler: { files, bytes } }, async ({ governed }) => {
    const cold = await drive(governed, 'cold');
    const warm: LargeRun[] = [];
    for (let run = 1; run <= WARM_RUNS; run += 1) warm.push(await drive(governed, `warm-${run}`));
    const title = `A repository of ${files.toLocaleString('en')} files and ${bytes.toLocaleString('en')} bytes`;
    return [{ title, columns: ['cold', 'warm'], rows: rowsOf(cold, warm) }];
  });
