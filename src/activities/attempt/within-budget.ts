import type { Prices } from '../../contracts/config/prices.js';
import { PromptOsError } from '../../contracts/errors.js';
import type { DueGate } from '../../contracts/run/activities.js';
import type { ExecutorCall, ExecutorOutcome, GateExecutor } from '../../ports/gate-executor.js';
import { withCost } from '../../rules/attempts/price-usage.js';
import { spentByTry, UNKNOWN_TRY } from '../../rules/attempts/spent.js';
import type { Spending } from '../progress/spending.js';

/** A timer takes no more milliseconds. */
const LONGEST_TIMER_MS = 2_147_483_647;

export interface BudgetedCall {
  readonly input: Pick<DueGate, 'gate' | 'principal' | 'budget'>;
  readonly spending: Spending;
  readonly prices: Prices;
}

/**
 * One call of an executor, as far as the budgets of its gate and run go: none starts once nothing is left, and one that
 * runs is stopped when the wall time is used up. Gives the outcome with its cost.
 * @throws PromptOsError EXECUTOR_OUT_OF_BUDGET, and what the executor throws
 */
export async function executeWithinBudget(
  executor: GateExecutor,
  call: ExecutorCall,
  { input, spending, prices }: BudgetedCall,
): Promise<ExecutorOutcome> {
  const { budget = {} } = input;
  const spent = spending.total();
  const empty = [
    budget.tokens !== undefined && spent.tokens >= budget.tokens ? `${spent.tokens} of ${budget.tokens} tokens` : '',
    budget.cost_usd !== undefined && spent.cost_usd >= budget.cost_usd
      ? `$${spent.cost_usd} of $${budget.cost_usd}`
      : '',
    budget.wall_ms !== undefined && spent.wall_ms >= budget.wall_ms ? inSeconds(spent.wall_ms, budget.wall_ms) : '',
  ].filter((text) => text !== '');
  if (empty.length > 0) throw outOfBudget(input, `this attempt has used ${empty.join(', ')} that were left`);
  const left = budget.wall_ms === undefined ? null : budget.wall_ms - spent.wall_ms;
  const clock = startClock(left);
  const signal = left === null ? call.signal : AbortSignal.any([call.signal, clock.signal]);
  const began = performance.now();
  spending.begin();
  try {
    const outcome = await executor.execute({ ...call, signal });
    const usage = outcome.used?.usage;
    const model = outcome.served_model ?? executor.descriptor.requested_model;
    const used = usage === undefined ? outcome.used : { ...outcome.used, usage: withCost(usage, model, prices) };
    const duration_ms = Math.round(outcome.duration_ms);
    spending.end(spentByTry({ duration_ms, ...(used?.usage === undefined ? {} : { usage: used.usage }) }));
    return { ...outcome, ...(used === undefined ? {} : { used }) };
  } catch (error) {
    const elapsed = Math.round(performance.now() - began);
    const stopped = clock.signal.aborted && !call.signal.aborted;
    // The program may have started after the clock did: what was granted is used up all the same.
    spending.end({ ...UNKNOWN_TRY, wall_ms: stopped ? Math.max(elapsed, left ?? 0) : elapsed });
    if (!stopped) throw error;
    throw outOfBudget(input, `a try was stopped, ${inSeconds(spending.total().wall_ms, budget.wall_ms ?? 0)}`);
  } finally {
    clock.stop();
  }
}

/** @param left milliseconds until it aborts; null for a clock that does not run */
function startClock(left: number | null): { readonly signal: AbortSignal; stop(): void } {
  const controller = new AbortController();
  if (left === null) return { signal: controller.signal, stop: () => undefined };
  const end = () => controller.abort(new Error('the wall time of the budget is used up'));
  const timer = setTimeout(end, Math.min(left, LONGEST_TIMER_MS));
  return { signal: controller.signal, stop: () => clearTimeout(timer) };
}

const outOfBudget = ({ gate, principal }: BudgetedCall['input'], why: string): PromptOsError =>
  new PromptOsError(
    'EXECUTOR_OUT_OF_BUDGET',
    `The policy's budget leaves the executor of "${principal}" nothing more at ${gate}: ${why}.`,
  );

const inSeconds = (spent: number, limit: number): string =>
  `${(spent / 1_000).toFixed(1)} s of ${(limit / 1_000).toFixed(1)} s of wall time`;
