import { readFile, writeFile } from 'node:fs/promises';
import { setTimeout } from 'node:timers/promises';
import { driveRun } from '../contender.js';
import { mebibytes, type Table } from '../figures.js';
import { WORK, type WorkSize } from '../governed/repository.js';
import { atSite, type Site } from '../governed/site.js';
import type { Options } from '../options.js';

const MEBIBYTES_MORE = 64;
/** What the kernel takes as the order to forget a process's peak (proc(5)). */
const FORGET_PEAK = '5';

/** How often processes below the worker are looked at. */
const LOOK_MS = 200;

/** Bytes of resident memory at the peak of one run; null where there is no /proc. */
interface Peak {
  readonly worker: number | null;
  /** Of the largest process that the worker started, as far as it was seen. */
  readonly started: number | null;
}

/** Looks at the processes below the worker until the run is done. @returns the memory of the largest */
async function largestBelow(governed: Site['governed'], done: AbortSignal): Promise<number | null> {
  let largest: number | null = null;
  while (!done.aborted) {
    const tree = governed.worker().use();
    for (const { rss_bytes } of tree?.descendants ?? []) largest = Math.max(largest ?? 0, rss_bytes);
    await setTimeout(LOOK_MS);
  }
  return largest;
}

async function peakOf({ governed }: Site, runId: string, size: WorkSize): Promise<Peak> {
  const worker = governed.worker();
  worker.collectGarbage();
  await writeFile(`/proc/${worker.pid}/clear_refs`, FORGET_PEAK).catch(() => undefined);
  const done = new AbortController();
  const looking = largestBelow(governed, done.signal);
  await driveRun(governed, runId, { door: 'signal', size }).finally(() => done.abort());
  const status = await readFile(`/proc/${worker.pid}/status`, 'utf8').catch(() => '');
  const [, kibibytes] = /^VmHWM:\s+(\d+) kB/m.exec(status) ?? [];
  return { worker: kibibytes === undefined ? null : Number(kibibytes) * 1_024, started: await looking };
}

/** How much more memory a worker needs at its peak for a run with a large transcript and a large patch. */
export const measureMemory = ({ unsigned, profile }: Options): Promise<readonly Table[]> =>
  atSite({ signed: !unsigned, profile }, async (site) => {
    await driveRun(site.governed, 'warm-up', { door: 'signal' });
    const small = await peakOf(site, 'small-work', 'small');
    const large = await peakOf(site, 'printed-work', 'printed');
    const more = small.worker === null || large.worker === null ? null : large.worker - small.worker;
    const [column, mebibyte] = ['MiB', 1e6];
    const { bytes, printed } = WORK.printed;
    return [
      {
        title: `Memory of a worker with ${printed / mebibyte} MB of transcript and ${bytes / mebibyte} MB of patch and of log`,
        columns: [column],
        rows: [
          { name: 'peak of a small run', values: { [column]: mebibytes(small.worker) } },
          { name: 'peak of the large run', values: { [column]: mebibytes(large.worker) } },
          { name: 'growth', values: { [column]: mebibytes(more) }, goals: [{ of: [column], most: MEBIBYTES_MORE }] },
          { name: 'largest process below it, small run', values: { [column]: mebibytes(small.started) } },
          { name: 'largest process below it, large run', values: { [column]: mebibytes(large.started) } },
        ],
      },
    ];
  });
