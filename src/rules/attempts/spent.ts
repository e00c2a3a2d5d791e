import type { ExecutorUsage } from '../../contracts/config/executor-output.js';
import type { ExecutorTry } from '../../contracts/record/attempt.js';
import type { Spent } from '../../contracts/run/budget.js';
import { roundCost } from './price-usage.js';

export const NOTHING_SPENT: Spent = {
  tries: 0,
  tokens: 0,
  cost_usd: 0,
  wall_ms: 0,
  tokens_unknown: 0,
  cost_unknown: 0,
};

/** A try that has begun, and whose executor has not said what it used. */
export const UNKNOWN_TRY: Spent = { ...NOTHING_SPENT, tries: 1, tokens_unknown: 1, cost_unknown: 1 };

/** Sums end where integers do: a record with a larger one could not be read any more. */
const MOST_COUNTED = Number.MAX_SAFE_INTEGER;

const sum = (one: number, other: number): number => Math.min(one + other, MOST_COUNTED);

export const addSpent = (one: Spent, other: Spent): Spent => ({
  tries: sum(one.tries, other.tries),
  tokens: sum(one.tokens, other.tokens),
  cost_usd: roundCost(one.cost_usd + other.cost_usd),
  wall_ms: sum(one.wall_ms, other.wall_ms),
  tokens_unknown: sum(one.tokens_unknown, other.tokens_unknown),
  cost_unknown: sum(one.cost_unknown, other.cost_unknown),
});

/** What no try uses. A figure beyond it is made up: it breaches every budget, and leaves the sums able to count on. */
const MOST_OF_TRY = { tokens: 1e12, cost_usd: 1e6 };

/** Tokens of a try, whatever they cost; null when its executor says none. */
function tokensOf({ input_tokens, output_tokens, cached_tokens = 0, cached_apart }: ExecutorUsage): number | null {
  if (input_tokens === undefined && output_tokens === undefined) return null;
  return sum((input_tokens ?? 0) + (output_tokens ?? 0), cached_apart === true ? cached_tokens : 0);
}

export function spentByTry({ usage = {}, duration_ms }: Pick<ExecutorTry, 'usage' | 'duration_ms'>): Spent {
  const tokens = tokensOf(usage);
  const { cost_usd } = usage;
  return {
    tries: 1,
    tokens: Math.min(tokens ?? 0, MOST_OF_TRY.tokens),
    cost_usd: Math.min(roundCost(cost_usd ?? 0), MOST_OF_TRY.cost_usd),
    wall_ms: duration_ms,
    tokens_unknown: tokens === null ? 1 : 0,
    cost_unknown: cost_usd === undefined ? 1 : 0,
  };
}

/** What an attempt spent: its tries, and those before that ended with an error and left no record. */
export const spentByAttempt = ({
  tries,
  unrecorded = NOTHING_SPENT,
}: {
  readonly tries: readonly Pick<ExecutorTry, 'usage' | 'duration_ms'>[];
  readonly unrecorded?: Spent | undefined;
}): Spent => tries.map(spentByTry).reduce(addSpent, unrecorded);

/** What is left of an account without tries that are recorded elsewhere. */
export function withoutTries(all: Spent, tries: readonly Pick<ExecutorTry, 'usage' | 'duration_ms'>[]): Spent {
  const counted = tries.map(spentByTry).reduce(addSpent, NOTHING_SPENT);
  const less = (name: keyof Spent): number => Math.max(0, all[name] - counted[name]);
  return {
    tries: less('tries'),
    tokens: less('tokens'),
    cost_usd: roundCost(less('cost_usd')),
    wall_ms: less('wall_ms'),
    tokens_unknown: less('tokens_unknown'),
    cost_unknown: less('cost_unknown'),
  };
}
