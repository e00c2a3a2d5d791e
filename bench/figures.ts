/** The limit of some columns of a row. */
export interface Goal {
  readonly of: readonly string[];
  readonly most?: number;
  readonly least?: number;
}

/** One line of a table: a value for each of some of its columns; null where it could not be measured. */
export interface Row {
  readonly name: string;
  readonly values: Readonly<Record<string, number | null>>;
  readonly goals?: readonly Goal[];
}

/** Figures that one part of the bench measured. */
export interface Table {
  readonly title: string;
  readonly columns: readonly string[];
  readonly rows: readonly Row[];
}

/** The middle value, or null of nothing. */
export function median(values: readonly number[]): number | null {
  const sorted = [...values].sort((a, b) => a - b);
  const [low, high] = [sorted[(sorted.length - 1) >> 1], sorted[sorted.length >> 1]];
  return low === undefined || high === undefined ? null : (low + high) / 2;
}

/** One value divided by another; null where either is missing. */
export const ratio = (value: number | null | undefined, to: number | null | undefined): number | null =>
  value == null || to == null || to === 0 ? null : value / to;

const MEBIBYTE = 2 ** 20;
export const mebibytes = (bytes: number | null | undefined): number | null => (bytes == null ? null : bytes / MEBIBYTE);

const limitOf = ({ most, least }: Goal): string => (most === undefined ? `≥ ${shown(least)}` : `≤ ${shown(most)}`);

const within = (value: number, { most, least }: Goal): boolean =>
  (most === undefined || value <= most) && (least === undefined || value >= least);

/** One sentence for each figure that misses its goal, or that has one and was not measured. */
export const missedGoals = (tables: readonly Table[]): readonly string[] =>
  tables.flatMap(({ title, rows }) =>
    rows.flatMap(({ name, values, goals = [] }) =>
      goals
        .flatMap((goal) => goal.of.map((column) => ({ goal, column, value: values[column] ?? null })))
        .filter(({ goal, value }) => value === null || !within(value, goal))
        .map(({ goal, column, value }) => {
          const was = value === null ? 'not measured' : shown(value);
          return `${title}: ${name} (${column}): ${was}, expected ${limitOf(goal)}`;
        }),
    ),
  );

function shown(value: number | null | undefined): string {
  if (value === null || value === undefined) return '';
  if (Math.abs(value) >= 100 || Number.isInteger(value)) return Math.round(value).toLocaleString('en');
  return value.toFixed(Math.abs(value) < 10 ? 2 : 1);
}

/** A table in Markdown, with its goals where it has any. */
export function renderTable({ title, columns, rows }: Table): string {
  const some = rows.some(({ goals }) => goals !== undefined);
  const line = (cells: readonly string[]): string => `| ${cells.join(' | ')} |`;
  const lines = rows.map(({ name, values, goals = [] }) => {
    const cells = columns.map((column) => shown(values[column]));
    const limits = goals.map((goal) => (goals.length === 1 ? '' : `${goal.of.join(', ')} `) + limitOf(goal));
    return line([name, ...cells, ...(some ? [limits.join('; ')] : [])]);
  });
  const head = ['', ...columns, ...(some ? ['goal'] : [])];
  return [`### ${title}`, '', line(head), line(['---', ...head.slice(1).map(() => '---:')]), ...lines].join('\n');
}
