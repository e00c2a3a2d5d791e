import type { StraightPath } from './straight-path.js';

/** One line of the report: what governance costs beside the bare workflow. */
export interface Figure {
  readonly name: string;
  readonly governed: number | null;
  /** Null where the bare workflow has no such thing. */
  readonly bare: number | null;
  /** The most that is allowed, where a goal is set. */
  readonly goal?: number;
}

/** The most that a straight path may leave in history. */
export const GOALS = { events: 90, bytes: 48 * 1_024 } as const;

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
  governed: StraightPath,
  bare: StraightPath | null,
): readonly Figure[] =>
  (Object.keys(MEASURED) as (keyof typeof MEASURED)[]).map((key) => ({
    name: `${what}: ${MEASURED[key]}`,
    governed: governed[key],
    bare: bare?.[key] ?? null,
    ...(key === 'events' || key === 'bytes' ? { goal: GOALS[key] } : {}),
  }));

/** The figures that miss their goal. */
export const missed = (figures: readonly Figure[]): readonly Figure[] =>
  figures.filter(({ governed, goal }) => goal !== undefined && (governed === null || governed > goal));

const shown = (value: number | null | undefined): string => {
  if (value === null || value === undefined) return '';
  return value >= 100 || Number.isInteger(value) ? Math.round(value).toLocaleString('en') : value.toFixed(1);
};

/** The figures as a Markdown table. */
export function renderFigures(figures: readonly Figure[]): string {
  const lines = figures.map(({ name, governed, bare, goal }) => {
    const ratio = governed === null || bare === null || bare === 0 ? '' : `${(governed / bare).toFixed(2)}×`;
    return `| ${[name, shown(governed), shown(bare), ratio, goal === undefined ? '' : `≤ ${shown(goal)}`].join(' | ')} |`;
  });
  return ['| | governed | bare | ratio | goal |', '|---|---:|---:|---:|---:|', ...lines].join('\n');
}
