import { driveRun, startAndRest } from '../contender.js';
import { median, type Table } from '../figures.js';
import { WORK } from '../governed/repository.js';
import { atSite } from '../governed/site.js';
import { eventTime, type HistoryEvent, historyOf } from '../history.js';
import type { Options } from '../options.js';

/** One gate as the server's history has it. */
interface CarriedOut {
  readonly began: number;
  readonly ended: number;
  /** How often the server gave it out again, since a heartbeat was missing or a worker was lost. */
  readonly lost: number;
}

/** The first activity of a run. @throws Error when it did not complete */
function firstGate(runId: string, events: readonly HistoryEvent[]): CarriedOut {
  const started = events.find((event) => event.activityTaskStartedEventAttributes);
  const completed = events.find((event) => event.activityTaskCompletedEventAttributes);
  if (started === undefined || completed === undefined) throw new Error(`the gate of ${runId} did not complete`);
  const lost = (started.activityTaskStartedEventAttributes?.attempt ?? 1) - 1;
  return { began: eventTime(started), ended: eventTime(completed), lost };
}

/** The most gates that were carried out at one moment. */
const mostAtOnce = (gates: readonly CarriedOut[]): number =>
  Math.max(...gates.map(({ began: at }) => gates.filter(({ began, ended }) => began <= at && at < ended).length));

/** Gates that are all carried out at once by one worker, with executors that leave it no processor to itself. */
export const measureConcurrentGates = ({ runs, unsigned }: Options): Promise<readonly Table[]> =>
  atSite({ signed: !unsigned }, async ({ governed, client }) => {
    await driveRun(governed, 'warm-up', { door: 'signal' });
    const runIds = Array.from({ length: runs }, (_, index) => `at-once-${index + 1}`);
    await Promise.all(runIds.map((runId) => startAndRest(governed, runId, 'busy')));
    const gates = await Promise.all(
      runIds.map(async (runId) => firstGate(runId, await historyOf(client, governed.workflowOf(runId)))),
    );
    const column = 'measured';
    const lost = gates.reduce((sum, gate) => sum + gate.lost, 0);
    return [
      {
        title: `Gates at once, each with an executor that is busy for ${WORK.busy.seconds} s`,
        columns: [column],
        rows: [
          { name: 'gates', values: { [column]: runs } },
          {
            name: 'gates at one moment',
            values: { [column]: mostAtOnce(gates) },
            goals: [{ of: [column], least: runs }],
          },
          { name: 'tries lost by a missing heartbeat', values: { [column]: lost }, goals: [{ of: [column], most: 0 }] },
          {
            name: 'seconds of a gate',
            values: { [column]: median(gates.map(({ began, ended }) => (ended - began) / 1_000)) },
          },
        ],
      },
    ];
  });
