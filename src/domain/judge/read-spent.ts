import { isRecord } from '../../contracts/json.js';
import type { Spent } from '../../contracts/run/budget.js';
import { NOTHING_SPENT } from '../../rules/attempts/spent.js';

const KEYS = Object.keys(NOTHING_SPENT);
/** Sums of many attempts must stay whole numbers. */
const MOST = 1e12;

const isFigure = (key: string, value: unknown): boolean =>
  typeof value === 'number' &&
  value >= 0 &&
  value <= MOST &&
  (key === 'cost_usd' ? value === Math.round(value * 1e6) / 1e6 : Number.isSafeInteger(value));

/** What an attempt spent, out of a message from outside; null for any other shape. Read by hand: workflows load no zod. */
export function readSpent(value: unknown): Spent | null {
  if (!isRecord(value) || Object.keys(value).length !== KEYS.length) return null;
  return KEYS.every((key) => isFigure(key, value[key])) ? (value as unknown as Spent) : null;
}

/** The same, as a signed statement has it: in camelCase. */
export function readStatedSpent(value: unknown): Spent | null {
  if (!isRecord(value)) return null;
  const { tries, tokens, costUsd, wallMs, tokensUnknown, costUnknown, ...more } = value;
  if (Object.keys(more).length > 0) return null;
  return readSpent({
    ...{ tries, tokens, cost_usd: costUsd },
    ...{ wall_ms: wallMs, tokens_unknown: tokensUnknown, cost_unknown: costUnknown },
  });
}
