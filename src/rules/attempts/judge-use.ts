import type { GateId } from '../../contracts/names.js';
import type { Budgets, Spent } from '../../contracts/run/budget.js';
import { counted } from '../../contracts/sentences.js';
import { blockingFinding, type JudgedFinding, plainFinding } from '../outputs/judged-output.js';

/** The rule that what has a budget is known. */
export const USE_RULE = 'usage_unknown';

/**
 * What an attempt used of a figure that has a limit, and its executor does not say: such a budget cannot be kept.
 * @param spent by the attempt
 */
export function judgeUse(budgets: Budgets | undefined, gate: GateId, spent: Spent): readonly JudgedFinding[] {
  if (budgets === undefined) return [];
  const scopes = [budgets.gates[gate], budgets.run];
  const figures = [
    { name: 'tokens', limited: scopes.some((scope) => scope?.tokens !== undefined), unknown: spent.tokens_unknown },
    { name: 'cost', limited: scopes.some((scope) => scope?.cost_usd !== undefined), unknown: spent.cost_unknown },
  ];
  return figures
    .filter(({ limited, unknown }) => limited && unknown > 0)
    .map(({ name, unknown }) => {
      const message = `The policy limits the ${name} of ${gate}, and the ${name} of ${unknown} of ${counted(spent.tries, 'try')} ${name === 'tokens' ? 'are' : 'is'} unknown.`;
      return budgets.unknown === 'refuse'
        ? blockingFinding(USE_RULE, message, { severity: 'high', escalates: 'rule_violation' })
        : plainFinding(USE_RULE, 'medium', message);
    });
}
