import type { StraightPath } from './straight-path.js';
import type { VerificationCost } from './verification.js';
import type { WaitingRuns } from './waiting-runs.js';

/** One line of the report: what governance costs beside the bare workflow, with signatures and without. */
export interface Figure {
  readonly name: string;
  /** Every act signed; null where signatures are not what it is about. */
  readonly signed: number | null;
  /** Nothing signed; null where it is about signatures alone. */
  readonly governed: number | null;
  /** Null where the bare workflow has no such thing. */
  readonly bare: number | null;
  /** The most that is allowed, where a goal is set. */
  readonly goal?: number;
}

/** The most that a straight path may leave in history. */
export const GOALS = { events: 100, bytes: 48 * 1_024 } as const;

/** The most that signing may cost. */
export const SIGNING_GOALS = {
  more_events: 0,
  bytes_of_act: 2 * 1_024,
  run_first_ms: 40,
  later_ms: 3,
  mebibytes_of_run: 0.5,
} as const;

/** What is signed on the straight path: the request, and the result of and the decision on each of six gates. */
const SIGNED_ACTS = 13;

const MEASURED = {
  events: 'events',
  bytes: 'bytes, as the server counts',
  wire_bytes: 'bytes, sum of the events',
  actions: 'Actions',
  answer_to_activity_ms: 'ms from the answer to the next activity',
  duration_ms: 'ms of a run that is answered at once',
  worker_cpu_ms: 'ms of processor time of the worker per run',
  programs_cpu_ms: 'ms of git, executors and checks per run',
} as const satisfies Partial<Record<keyof StraightPath, string>>;

/** The figures of one shape of run, each beside the bare one. */
export const straightPathFigures = (
  what: string,
  { signed, governed, bare }: Readonly<Record<'signed' | 'governed' | 'bare', StraightPath | null>>,
): readonly Figure[] =>
  (Object.keys(MEASURED) as (keyof typeof MEASURED)[]).map((key) => ({
    name: `${what}: ${MEASURED[key]}`,
    signed: signed?.[key] ?? null,
    governed: governed?.[key] ?? null,
    bare: bare?.[key] ?? null,
    ...(key === 'events' || key === 'bytes' ? { goal: GOALS[key] } : {}),
  }));

/** A figure that signatures alone have. */
export const signedFigure = (name: string, signed: number | null, goal?: number): Figure => ({
  name,
  signed,
  governed: null,
  bare: null,
  ...(goal === undefined ? {} : { goal }),
});

/** How much longer signatures make a history. */
export const historyFigures = (what: string, signed: StraightPath, unsigned: StraightPath): readonly Figure[] => [
  signedFigure(`${what}: events more than unsigned`, signed.events - unsigned.events, SIGNING_GOALS.more_events),
  signedFigure(
    `${what}: bytes more for each of ${SIGNED_ACTS} signed acts`,
    (signed.bytes - unsigned.bytes) / SIGNED_ACTS,
    SIGNING_GOALS.bytes_of_act,
  ),
];

const MEBIBYTE = 2 ** 20;
const mebibytes = (bytes: number | null): number | null => (bytes === null ? null : bytes / MEBIBYTE);

/** What verifying costs in the sandbox, as it is and as it would be if each run had the modules for itself. */
export const verificationFigures = (shared: VerificationCost, own: VerificationCost): readonly Figure[] => [
  signedFigure("verifying, ms of processor time: a worker's first decision", shared.worker_first_ms),
  signedFigure(
    "verifying, ms of processor time: a run's first decision",
    shared.run_first_ms,
    SIGNING_GOALS.run_first_ms,
  ),
  signedFigure('verifying, ms of processor time: each one after', shared.later_ms, SIGNING_GOALS.later_ms),
  signedFigure('verifying: MiB that a cached run keeps of it', mebibytes(shared.heap_bytes_per_run)),
  signedFigure("modules of its own, ms: a run's first decision", own.run_first_ms),
  signedFigure('modules of its own, ms: each one after', own.later_ms),
  signedFigure('modules of its own: MiB that a cached run keeps of it', mebibytes(own.heap_bytes_per_run)),
];

/** What a worker needs for runs that wait. */
export function waitingFigures(
  runs: number,
  { signed, governed, bare }: Readonly<Record<'signed' | 'governed' | 'bare', WaitingRuns>>,
): readonly Figure[] {
  const row = (name: string, of: (waiting: WaitingRuns) => number | null, goal?: number): Figure => ({
    name,
    signed: mebibytes(of(signed)),
    governed: mebibytes(of(governed)),
    bare: mebibytes(of(bare)),
    ...(goal === undefined ? {} : { goal }),
  });
  return [
    row('MiB of a worker before', ({ before }) => before?.rss_bytes ?? null),
    row(`MiB of a worker with ${runs} waiting runs`, ({ after }) => after?.rss_bytes ?? null),
    row('MiB of one waiting run', ({ bytes_per_run }) => bytes_per_run, SIGNING_GOALS.mebibytes_of_run),
  ];
}

/** The figures that miss their goal, and by what. */
export const missed = (figures: readonly Figure[]): readonly Figure[] =>
  figures.filter(({ signed, governed, goal }) => {
    const measured = [signed, governed].filter((value) => value !== null);
    return goal !== undefined && (measured.length === 0 || measured.some((value) => value > goal));
  });

const shown = (value: number | null | undefined): string => {
  if (value === null || value === undefined) return '';
  return value >= 100 || Number.isInteger(value)
    ? Math.round(value).toLocaleString('en')
    : value.toFixed(Math.abs(value) < 10 ? 2 : 1);
};

/** The figures as a Markdown table. */
export function renderFigures(figures: readonly Figure[]): string {
  const ratio = (value: number | null, to: number | null): string =>
    value === null || to === null || to === 0 ? '' : `${(value / to).toFixed(2)}×`;
  const lines = figures.map(({ name, signed, governed, bare, goal }) => {
    const limit = goal === undefined ? '' : `≤ ${shown(goal)}`;
    const values = [shown(signed), shown(governed), shown(bare), ratio(signed, governed), ratio(governed, bare), limit];
    return `| ${[name, ...values].join(' | ')} |`;
  });
  const head = ['', 'signed', 'unsigned', 'bare', 'signed / unsigned', 'unsigned / bare', 'goal'].join(' | ');
  return [`|${head} |`, '|---|---:|---:|---:|---:|---:|---:|', ...lines].join('\n');
}
