import type { ExecutorUsage } from '../../contracts/config/executor-output.js';
import type { Prices } from '../../contracts/config/prices.js';
import { own } from '../../contracts/json.js';

const PER_TOKEN = 1e-6;
/** What no executor uses: sums end here, so that a figure that is made up is still a number in every record. */
const MOST_DOLLARS = 1e9;

/** Costs are kept to the millionth of a dollar, so that sums of them are the same on every machine. */
export const roundCost = (usd: number): number => Math.min(Math.round(usd * 1e6) / 1e6, MOST_DOLLARS);

/** Whether a name with `*` matches a model's name. Backtracks to the last `*` alone, so its time is bounded. */
function matchesName(pattern: string, name: string): boolean {
  const [first = '', ...rest] = pattern.toLowerCase().split('*');
  const wanted = name.toLowerCase();
  const last = rest.pop();
  if (last === undefined) return wanted === first;
  if (!wanted.startsWith(first)) return false;
  let at = first.length;
  for (const part of rest) {
    const found = wanted.indexOf(part, at);
    if (found === -1) return false;
    at = found + part.length;
  }
  return wanted.length - last.length >= at && wanted.endsWith(last);
}

/** The price of a model: of its exact name, else of the longest pattern that matches; null when there is none. */
export function priceOf(prices: Prices, model: string): Prices[string] | null {
  const exact = own(prices, model);
  if (exact !== undefined) return exact;
  const [best] = Object.entries(prices)
    .filter(([pattern]) => matchesName(pattern, model))
    .sort(([a], [b]) => b.length - a.length || (a < b ? -1 : 1));
  return best?.[1] ?? null;
}

/**
 * A try's use with its cost: the executor's own figure when it says one, else from the price table. Without a known
 * model, a price or both counts of tokens the cost stays unknown.
 * @param model that answered
 */
export function withCost(usage: ExecutorUsage, model: string | null, prices: Prices): ExecutorUsage {
  if (usage.cost_usd !== undefined) return { ...usage, cost_from: 'provider' };
  const { input_tokens: input, output_tokens: output, cached_tokens: cached = 0, cached_apart } = usage;
  const price = model === null ? null : priceOf(prices, model);
  if (price === null || input === undefined || output === undefined) return usage;
  const uncached = cached_apart === true ? input : Math.max(0, input - cached);
  const dollars = uncached * price.input + cached * (price.cached_input ?? price.input) + output * price.output;
  return { ...usage, cost_usd: roundCost(dollars * PER_TOKEN), cost_from: 'prices' };
}
