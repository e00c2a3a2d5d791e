import type { Client } from '@temporalio/client';
import { type Contender, type Door, driveRuns } from '../contender.js';
import type { FairContender } from '../fair/fair-runs.js';
import { median, type Row, ratio, type Table } from '../figures.js';
import { activityTimes, answerToActivity, historyOf, measureHistory } from '../history.js';
import type { Options } from '../options.js';
import { WORKFLOW_BUNDLE } from '../package-root.js';
import { measureReplay } from '../replay.js';
import { atSites } from '../sites.js';

/** What runs of one kind left at the server, the largest of several, and how long they took, the median. */
export interface HistoryFacts {
  readonly events: number;
  readonly bytes: number;
  readonly wire_bytes: number;
  readonly actions: number;
  readonly answer_to_activity_ms: number | null;
  readonly duration_ms: number | null;
}

/** The most that a straight path may leave in history. */
export const GOALS = { events: 100, bytes: 48 * 1_024 } as const;
/** The most that signing may add. */
const SIGNING_GOALS = { more_events: 0, bytes_of_act: 2 * 1_024 } as const;
/** What is signed on the straight path: the request, and the result of and the decision on each of six gates. */
const SIGNED_ACTS = 13;

const NAMES = {
  events: 'events',
  bytes: 'bytes, as the server counts',
  wire_bytes: 'bytes, sum of the events',
  actions: 'Actions',
  answer_to_activity_ms: 'ms from the answer to the next activity',
  duration_ms: 'ms of a run that is answered at once',
} as const satisfies Record<keyof HistoryFacts, string>;

export const COMPARED = ['signed', 'unsigned', 'fair', 'signed / unsigned', 'unsigned / fair'] as const;

export async function factsOf(
  { client, workflowOf }: Pick<Contender, 'client' | 'workflowOf'>,
  runs: readonly { readonly runId: string; readonly answered: readonly number[] }[],
): Promise<HistoryFacts> {
  const measures = await Promise.all(
    runs.map(async ({ runId, answered }) => {
      const workflowId = workflowOf(runId);
      const latencies = answerToActivity(await historyOf(client, workflowId), answered);
      return { ...(await measureHistory(client, workflowId)), latencies };
    }),
  );
  const most = (key: 'events' | 'bytes' | 'wire_bytes' | 'actions') => Math.max(...measures.map((each) => each[key]));
  return {
    events: most('events'),
    bytes: most('bytes'),
    wire_bytes: most('wire_bytes'),
    actions: most('actions'),
    answer_to_activity_ms: median(measures.flatMap(({ latencies }) => latencies)),
    duration_ms: median(measures.flatMap(({ duration_ms }) => duration_ms ?? [])),
  };
}

/** One row with the values of what is compared, and what they come to beside each other. */
export function comparedRow(
  name: string,
  { signed, unsigned, fair }: Readonly<Record<'signed' | 'unsigned' | 'fair', number | null>>,
  most?: number,
): Row {
  const values = {
    signed,
    unsigned,
    fair,
    'signed / unsigned': ratio(signed, unsigned),
    'unsigned / fair': ratio(unsigned, fair),
  };
  return { name, values, ...(most === undefined ? {} : { goals: [{ of: ['signed', 'unsigned'], most }] }) };
}

/** The facts of each kind beside each other, with what signing adds. */
export function historyTable(
  title: string,
  facts: Readonly<Record<'signed' | 'unsigned' | 'fair', HistoryFacts | null>>,
): Table {
  const { signed, unsigned, fair } = facts;
  const rows = (Object.keys(NAMES) as (keyof HistoryFacts)[]).map((key) =>
    comparedRow(
      NAMES[key],
      { signed: signed?.[key] ?? null, unsigned: unsigned?.[key] ?? null, fair: fair?.[key] ?? null },
      key === 'events' || key === 'bytes' ? GOALS[key] : undefined,
    ),
  );
  return { title, columns: COMPARED, rows: [...rows, ...(signed && unsigned ? signingRows(signed, unsigned) : [])] };
}

const signingRows = (signed: HistoryFacts, unsigned: HistoryFacts): readonly Row[] => [
  {
    name: 'events more than unsigned',
    values: { signed: signed.events - unsigned.events },
    goals: [{ of: ['signed'], most: SIGNING_GOALS.more_events }],
  },
  {
    name: `bytes more for each of ${SIGNED_ACTS} signed acts`,
    values: { signed: (signed.bytes - unsigned.bytes) / SIGNED_ACTS },
    goals: [{ of: ['signed'], most: SIGNING_GOALS.bytes_of_act }],
  },
];

/** Milliseconds that each gate's activity took, executors and checks included, in the order of the run; medians. */
async function gateTimes(client: Client, workflowIds: readonly string[]): Promise<readonly (number | null)[]> {
  const all = await Promise.all(workflowIds.map(async (id) => activityTimes(await historyOf(client, id))));
  return (all[0] ?? []).map((_, index) => median(all.flatMap((times) => times[index]?.ms ?? [])));
}

const ACTIVITIES = ['P00', 'P01', 'P03', 'P05', 'P06', 'P07', 'finalisation'];

async function measure(kinds: Kinds, runs: number): Promise<readonly Table[]> {
  const tables: Table[] = [];
  const idsOf = (door: Door) => Array.from({ length: runs }, (_, index) => `${door}-${index + 1}`);
  const each = async <T>(of: (contender: Contender) => Promise<T>) => ({
    signed: await of(kinds.signed),
    unsigned: await of(kinds.unsigned),
    fair: await of(kinds.fair),
  });
  for (const door of ['signal', 'update'] as const) {
    const facts = await each(async (contender) =>
      factsOf(contender, await driveRuns(contender, idsOf(door), 1, { door })),
    );
    tables.push(historyTable(`History of a run, by ${door}`, facts));
  }
  const times = await each(({ client, workflowOf }) => gateTimes(client, idsOf('update').map(workflowOf)));
  const replayed = idsOf('update')[0] ?? '';
  const replay = await each((contender) =>
    measureReplay(contender.client, contender.workflowOf(replayed), bundleOf(kinds, contender), runs),
  );
  const rows = ACTIVITIES.map((name, index) =>
    comparedRow(`${name}: ms of its activity`, {
      signed: times.signed[index] ?? null,
      unsigned: times.unsigned[index] ?? null,
      fair: times.fair[index] ?? null,
    }),
  );
  tables.push({
    title: 'Activities and replay',
    columns: COMPARED,
    rows: [...rows, comparedRow('ms of a replay', replay)],
  });
  return tables;
}

interface Kinds {
  readonly signed: Contender;
  readonly unsigned: Contender;
  readonly fair: FairContender;
}

const bundleOf = ({ fair }: Kinds, contender: Contender): string =>
  contender === fair ? fair.bundle : WORKFLOW_BUNDLE;

/** Histories, latencies and replays of signed, unsigned and fair runs, through both doors. */
export const measureHistories = ({ runs }: Options): Promise<readonly Table[]> =>
  atSites((signed, unsigned, fair) => measure({ signed: signed.governed, unsigned: unsigned.governed, fair }, runs));
