import { ALWAYS_WAIVABLE_RULES, NEVER_WAIVABLE_RULES, WAIVABLE_WITH } from '../contracts/names.js';
import type { Finding } from '../contracts/run/findings.js';

const isOneOf = (rules: readonly string[], rule: string): boolean => rules.includes(rule);

/**
 * Whether a person may waive findings of a rule.
 * @param waivable the rules that the policy calls so
 */
export const isWaivable = (rule: string, waivable: readonly string[], rulesVersion: number): boolean =>
  !isOneOf(NEVER_WAIVABLE_RULES, rule) &&
  (waivable.includes(rule) ||
    isOneOf(waivable, WAIVABLE_WITH[rule] ?? '') ||
    (rulesVersion >= 2 && isOneOf(ALWAYS_WAIVABLE_RULES, rule)));

/** Whether waiving can let an attempt pass: every finding that blocks may be waived, and there is one. */
export const canBeWaivedThrough = (
  findings: readonly Pick<Finding, 'rule' | 'blocking'>[],
  waivable: readonly string[],
  rulesVersion: number,
): boolean => {
  const blocking = findings.filter((finding) => finding.blocking);
  return blocking.length > 0 && blocking.every(({ rule }) => isWaivable(rule, waivable, rulesVersion));
};
