import type { ExecutorTry } from '../../contracts/attempt.js';
import type { ExecutorUsage } from '../../contracts/executor-output.js';

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
    cost_usd === undefined ? '' : `$${cost_usd > 0 && cost_usd < 0.01 ? cost_usd.toPrecision(2) : cost_usd.toFixed(2)}`,
  ];
  return parts.filter((part) => part !== '').join(', ') || 'nothing';
}
