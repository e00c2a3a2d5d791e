import { setTimeout } from 'node:timers/promises';
import { type Contender, startAndRest } from '../contender.js';
import { mebibytes, type Table } from '../figures.js';
import type { Options } from '../options.js';
import type { BenchProcess } from '../processes.js';
import { atSites } from '../sites.js';
import { COMPARED, comparedRow } from './history.js';

/** Bytes of resident memory of a worker, before and with many runs that all wait for a person and that it caches. */
interface Waiting {
  readonly before: number | null;
  readonly after: number | null;
  readonly per_run: number | null;
}

/** Milliseconds in which a worker comes to rest; twice, since what was collected may have held other things. */
const REST_MS = 5_000;
/** Runs that are started at once. */
const BATCH = 10;
const MEBIBYTES_PER_RUN = 0.5;

/** The memory of a worker that came to rest and collected its garbage. */
async function memoryAtRest(worker: BenchProcess): Promise<number | null> {
  for (let time = 0; time < 2; time += 1) {
    await setTimeout(REST_MS);
    worker.collectGarbage();
  }
  await setTimeout(REST_MS);
  return worker.use()?.root.rss_bytes ?? null;
}

async function measure(contender: Contender, runs: number): Promise<Waiting> {
  const before = await memoryAtRest(contender.worker());
  for (let first = 0; first < runs; first += BATCH) {
    const batch = Array.from({ length: Math.min(BATCH, runs - first) }, (_, index) => `waiting-${first + index}`);
    await Promise.all(batch.map((runId) => startAndRest(contender, runId)));
  }
  const after = await memoryAtRest(contender.worker());
  return { before, after, per_run: before === null || after === null ? null : (after - before) / runs };
}

/** The memory that runs take which wait for the approval of their first gate. */
export const measureWaiting = ({ waiting }: Options): Promise<readonly Table[]> =>
  atSites(async ({ governed: signing }, { governed }, fairRuns) => {
    const [signed, unsigned] = [await measure(signing, waiting), await measure(governed, waiting)];
    const fair = await measure(fairRuns, waiting);
    const row = (name: string, key: keyof Waiting, most?: number) => {
      const values = { signed: signed[key], unsigned: unsigned[key], fair: fair[key] };
      const shown = {
        signed: mebibytes(values.signed),
        unsigned: mebibytes(values.unsigned),
        fair: mebibytes(values.fair),
      };
      return comparedRow(name, shown, most);
    };
    const rows = [
      row('MiB of a worker before', 'before'),
      row(`MiB of a worker with ${waiting} waiting runs`, 'after'),
      row('MiB of one waiting run', 'per_run', MEBIBYTES_PER_RUN),
    ];
    return [{ title: 'Runs that wait', columns: COMPARED, rows }];
  });
