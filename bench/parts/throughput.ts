import process from 'node:process';
import { type Contender, driveRuns, warmUp } from '../contender.js';
import { besideFair } from '../fair/fair-runs.js';
import { mebibytes, type Row, ratio, type Table } from '../figures.js';
import { atSite } from '../governed/site.js';
import type { Options } from '../options.js';
import { processorTime, readProcess } from '../process-tree.js';
import { factsOf, type HistoryFacts } from './history.js';

/** What runs of one kind took, per run where it is not a rate. */
interface Throughput {
  readonly runs_per_second: number;
  readonly worker_ms: number | null;
  readonly helpers_ms: number | null;
  readonly programs_ms: number | null;
  readonly server_ms: number | null;
  readonly driver_ms: number;
  readonly rss_bytes: number | null;
  readonly facts: HistoryFacts;
}

/** Both kinds take turns, so that what else the machine does is the same for both: at most so often. */
const ROUNDS = 4;
const GOALS = { of_fair: 0.75, worker_ms: 350 } as const;

const COLUMNS = ['governed', 'fair', 'governed / fair'] as const;

async function driveRound(
  contender: Contender,
  runIds: readonly string[],
  concurrency: number,
  serverPid: number,
): Promise<Throughput> {
  const sample = () => ({
    tree: contender.worker().use(),
    server: readProcess(serverPid),
    own: process.cpuUsage(),
    at: performance.now(),
  });
  const before = sample();
  const driven = await driveRuns(contender, runIds, concurrency, { door: 'signal' });
  const after = sample();
  const each = (ms: number): number => ms / runIds.length;
  const used = before.tree && after.tree ? processorTime(before.tree, after.tree) : null;
  const own = after.own.user + after.own.system - before.own.user - before.own.system;
  return {
    runs_per_second: (runIds.length * 1_000) / (after.at - before.at),
    worker_ms: used && each(used.worker_ms),
    helpers_ms: used && each(used.helpers_ms),
    programs_ms: used && each(used.programs_ms),
    server_ms: before.server && after.server && each(after.server.cpu_ms - before.server.cpu_ms),
    driver_ms: each(own / 1_000),
    rss_bytes: after.tree?.root.rss_bytes ?? null,
    facts: await factsOf(contender, driven),
  };
}

const mean = (values: readonly (number | null)[]): number | null =>
  values.includes(null) ? null : values.reduce((sum: number, value) => sum + (value ?? 0), 0) / values.length;

/** What decides how many runs a machine of these processors can carry, whatever else it does meanwhile. */
const togetherMs = ({ worker_ms, helpers_ms, programs_ms, server_ms }: Throughput): number | null =>
  worker_ms === null || helpers_ms === null || programs_ms === null || server_ms === null
    ? null
    : worker_ms + helpers_ms + programs_ms + server_ms;

function tableOf(
  concurrency: number,
  runs: number,
  governed: readonly Throughput[],
  fair: readonly Throughput[],
): Table {
  const row = (name: string, of: (round: Throughput) => number | null): Row => {
    const values = { governed: mean(governed.map(of)), fair: mean(fair.map(of)) };
    return { name, values: { ...values, 'governed / fair': ratio(values.governed, values.fair) } };
  };
  const rate = row('runs/s', ({ runs_per_second }) => runs_per_second);
  const worker = row('worker: ms of processor time per run', ({ worker_ms }) => worker_ms);
  return {
    title: `Governed and fair runs, ${concurrency} at a time (${runs} of each)`,
    columns: COLUMNS,
    rows: [
      { ...rate, goals: [{ of: ['governed / fair'], least: GOALS.of_fair }] },
      { ...worker, goals: [{ of: ['governed'], most: GOALS.worker_ms }] },
      row('long-lived processes of the worker: ms per run', ({ helpers_ms }) => helpers_ms),
      row('git, executors, checks: ms per run', ({ programs_ms }) => programs_ms),
      row('Temporal server: ms per run', ({ server_ms }) => server_ms),
      row('worker, its programs and the server together: ms per run', togetherMs),
      row('driver of the bench: ms per run', ({ driver_ms }) => driver_ms),
      row('ms from an approval to the next activity', ({ facts }) => facts.answer_to_activity_ms),
      row('ms of a run', ({ facts }) => facts.duration_ms),
      row('MiB of the worker', ({ rss_bytes }) => mebibytes(rss_bytes)),
      row('events', ({ facts }) => facts.events),
      row('bytes of history', ({ facts }) => facts.bytes),
      row('Actions', ({ facts }) => facts.actions),
    ],
  };
}

/** Runs per second, processor time by process and latency, governed and fair in turns on one server. */
export const measureThroughput = ({ runs, concurrency, unsigned, profile }: Options): Promise<readonly Table[]> =>
  atSite({ signed: !unsigned, profile }, (site) =>
    besideFair(
      site,
      async (fair) => {
        for (const contender of [fair, site.governed]) await warmUp(contender);
        const tables: Table[] = [];
        for (const atOnce of concurrency) {
          const turns = Math.max(1, Math.min(ROUNDS, Math.floor(runs / atOnce)));
          const perRound = Math.max(atOnce, Math.ceil(runs / turns));
          const measured = { governed: [] as Throughput[], fair: [] as Throughput[] };
          const both = [
            { contender: fair, rounds: measured.fair },
            { contender: site.governed, rounds: measured.governed },
          ];
          for (let round = 1; round <= turns; round += 1) {
            const ids = Array.from({ length: perRound }, (_, index) => `at-once-${atOnce}-${round}-${index + 1}`);
            for (const { contender, rounds } of round % 2 === 1 ? both : both.toReversed())
              rounds.push(await driveRound(contender, ids, atOnce, site.server.pid));
          }
          tables.push(tableOf(atOnce, turns * perRound, measured.governed, measured.fair));
        }
        return tables;
      },
      profile,
    ),
  );
