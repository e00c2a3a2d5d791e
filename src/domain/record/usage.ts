import type { ExecutorUsage } from '../../contracts/config/executor-output.js';
import type { GateId } from '../../contracts/names.js';
import type { ExecutorTry } from '../../contracts/record/attempt.js';
import type { Budget, RunSpending, ScopeSpent } from '../../contracts/run/budget.js';
import { counted } from '../../contracts/sentences.js';

const FIGURES = ['input_tokens', 'output_tokens', 'cached_tokens', 'cost_usd'] as const;

/** What several tries used together, by what their executors say; null when none says anything. */
export function totalUsage(tries: readonly Pick<ExecutorTry, 'usage'>[]): ExecutorUsage | null {
  const total: { -readonly [F in keyof ExecutorUsage]: ExecutorUsage[F] } = {};
  for (const { usage = {} } of tries) {
    for (const figure of FIGURES) {
      const used = usage[figure];
      if (used !== undefined) total[figure] = (total[figure] ?? 0) + used;
    }
  }
  return Object.keys(total).length === 0 ? null : total;
}

const count = (tokens: number): string => tokens.toLocaleString('en-US');

/** Such as `12,345 tokens in (2,000 cached), 678 out, $0.0123`. */
export function usageInWords({ input_tokens, output_tokens, cached_tokens, cost_usd }: ExecutorUsage): string {
  const cached = cached_tokens === undefined ? '' : ` (${count(cached_tokens)} cached)`;
  const parts = [
    input_tokens === undefined ? cached.trim().slice(1, -1) : `${count(input_tokens)} tokens in${cached}`,
    output_tokens === undefined ? '' : `${count(output_tokens)} out`,
    cost_usd === undefined ? 'cost unknown' : dollars(cost_usd),
  ];
  return parts.filter((part) => part !== '').join(', ');
}

const dollars = (usd: number): string => `$${usd > 0 && usd < 0.01 ? usd.toPrecision(2) : usd.toFixed(2)}`;

/** What a run whose policy has budgets has spent, a line for the run and for each gate that has a budget. */
export function describeSpending({ limits, gates, run }: RunSpending): readonly string[] {
  const ofGates = Object.entries(limits.gates).flatMap(([gate, limit]) => {
    const spent = gates[gate as GateId];
    return spent === undefined ? [] : [`${gate}: ${inFigures(spent, limit)}`];
  });
  return [`the run: ${inFigures(run, limits.run ?? {})}`, ...ofGates];
}

function inFigures(spent: ScopeSpent, limit: Budget): string {
  const of = (text: string, most: string | undefined) => (most === undefined ? text : `${text} of ${most}`);
  const unknown = (tries: number) => (tries === 0 ? '' : ` (${tries} of ${counted(spent.tries, 'try')} unknown)`);
  const seconds = (milliseconds: number) => `${(milliseconds / 1_000).toFixed(1)} s`;
  return [
    `${of(count(spent.tokens), limit.tokens === undefined ? undefined : count(limit.tokens))} tokens${unknown(spent.tokens_unknown)}`,
    `${of(dollars(spent.cost_usd), limit.cost_usd === undefined ? undefined : dollars(limit.cost_usd))}${unknown(spent.cost_unknown)}`,
    of(seconds(spent.wall_ms), limit.wall_time === undefined ? undefined : seconds(limit.wall_time)),
    `${of(String(spent.attempts), limit.attempts === undefined ? undefined : String(limit.attempts))} attempts`,
  ].join(', ');
}
