import { readFile, writeFile } from 'node:fs/promises';
import { driveRun } from '../contender.js';
import { mebibytes, type Table } from '../figures.js';
import { WORK, type WorkSize } from '../governed/repository.js';
import { atSite, type Site } from '../governed/site.js';
import type { Options } from '../options.js';

const MEBIBYTES_MORE = 64;
/** What the kernel takes as the order to forget a process's peak (proc(5)). */
const FORGET_PEAK = '5';

/** Bytes of resident memory of a site's worker at the peak of one run, or null where there is no /proc. */
async function peakOf({ governed }: Site, runId: string, size: WorkSize): Promise<number | null> {
  const worker = governed.worker();
  worker.collectGarbage();
  await writeFile(`/proc/${worker.pid}/clear_refs`, FORGET_PEAK).catch(() => undefined);
  await driveRun(governed, runId, { door: 'signal', size });
  const status = await readFile(`/proc/${worker.pid}/status`, 'utf8').catch(() => '');
  const [, kibibytes] = /^VmHWM:\s+(\d+) kB/m.exec(status) ?? [];
  return kibibytes === undefined ? null : Number(kibibytes) * 1_024;
}

/** How much more memory a worker needs at its peak for a run with a large transcript and a large patch. */
export const measureMemory = ({ unsigned, profile }: Options): Promise<readonly Table[]> =>
  atSite({ signed: !unsigned, profile }, async (site) => {
    await driveRun(site.governed, 'warm-up', { door: 'signal' });
    const small = await peakOf(site, 'small-work', 'small');
    const large = await peakOf(site, 'printed-work', 'printed');
    const more = small === null || large === null ? null : large - small;
    const [column, mebibyte] = ['MiB', 1e6];
    const { bytes, printed } = WORK.printed;
    return [
      {
        title: `Memory of a worker with ${printed / mebibyte} MB of transcript and ${bytes / mebibyte} MB of patch and of log`,
        columns: [column],
        rows: [
          { name: 'peak of a small run', values: { [column]: mebibytes(small) } },
          { name: 'peak of the large run', values: { [column]: mebibytes(large) } },
          { name: 'growth', values: { [column]: mebibytes(more) }, goals: [{ of: [column], most: MEBIBYTES_MORE }] },
        ],
      },
    ];
  });
