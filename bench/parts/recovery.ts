import { type Contender, driveRuns } from '../contender.js';
import { besideFair } from '../fair/fair-runs.js';
import { type Row, ratio, type Table } from '../figures.js';
import { atSite } from '../governed/site.js';
import type { Options } from '../options.js';

/** Seconds that runs took together. */
interface Recovery {
  readonly undisturbed: number;
  readonly killed: number;
}

/** Seconds more than the fair runs need to recover. */
const MORE_THAN_FAIR = 2;
/** Six gates and the finalisation. */
const ACTIVITIES = 7;

/** Drives runs that are all in flight at once. @param kill the worker dies when half of their activities are done */
async function seconds(contender: Contender, name: string, count: number, kill: boolean): Promise<number> {
  const ids = Array.from({ length: count }, (_, index) => `${name}-${index + 1}`);
  let restarted: Promise<void> | null = null;
  let done = 0;
  const killWorker = async (): Promise<void> => {
    await contender.worker().kill();
    await contender.restartWorker();
  };
  const before = performance.now();
  await driveRuns(contender, ids, count, {
    door: 'signal',
    onActivity: () => {
      done += 1;
      if (kill && done === Math.ceil((count * ACTIVITIES) / 2)) restarted = killWorker();
    },
  });
  await restarted;
  return (performance.now() - before) / 1_000;
}

const recover = async (contender: Contender, count: number): Promise<Recovery> => ({
  undisturbed: await seconds(contender, 'undisturbed', count, false),
  killed: await seconds(contender, 'killed', count, true),
});

const row = (name: string, governed: number, fair: number): Row => ({
  name,
  values: { governed, fair, 'governed / fair': ratio(governed, fair), 'governed - fair': governed - fair },
});

/** What a worker's death by SIGKILL costs runs in flight, beyond the time that they take undisturbed. */
export const measureRecovery = ({ inFlight, unsigned }: Options): Promise<readonly Table[]> =>
  atSite({ signed: !unsigned }, (site) =>
    besideFair(site, async (fair) => {
      const [ofFair, ofGoverned] = [await recover(fair, inFlight), await recover(site.governed, inFlight)];
      const beyond = ({ killed, undisturbed }: Recovery): number => killed - undisturbed;
      return [
        {
          title: `The worker is killed with ${inFlight} runs in flight`,
          columns: ['governed', 'fair', 'governed / fair', 'governed - fair'],
          rows: [
            row('undisturbed: s', ofGoverned.undisturbed, ofFair.undisturbed),
            row('killed half-way and started again: s', ofGoverned.killed, ofFair.killed),
            {
              ...row('s beyond the undisturbed time', beyond(ofGoverned), beyond(ofFair)),
              goals: [{ of: ['governed - fair'], most: MORE_THAN_FAIR }],
            },
          ],
        },
      ];
    }),
  );
