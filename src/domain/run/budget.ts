import type { GateId } from '../../contracts/names.js';
import type { BudgetLeft } from '../../contracts/run/activities.js';
import type { Budget, BudgetScope, RunSpending, ScopeSpent, Spent } from '../../contracts/run/budget.js';
import type { EscalationReport } from '../../contracts/run/escalation.js';
import { roundCost } from '../../rules/attempts/price-usage.js';
import { addSpent, NOTHING_SPENT, UNKNOWN_TRY } from '../../rules/attempts/spent.js';
import type { RunState, Spending } from './run-state.js';

/** A limited figure, and where it is among what was spent. */
const FIGURES = [
  { limit: 'tokens', spent: 'tokens', unknown: 'tokens_unknown' },
  { limit: 'cost_usd', spent: 'cost_usd', unknown: 'cost_unknown' },
  { limit: 'wall_time', spent: 'wall_ms', unknown: null },
  { limit: 'attempts', spent: 'attempts', unknown: null },
] as const;
type Figure = (typeof FIGURES)[number];

const NO_ATTEMPT: ScopeSpent = { ...NOTHING_SPENT, attempts: 0 };
const NOTHING: Spending = { gates: {}, granted: {} };

const add = (one: ScopeSpent, other: ScopeSpent): ScopeSpent => ({
  ...addSpent(one, other),
  attempts: one.attempts + other.attempts,
});

/** What a gate, or the whole run, has spent so far. */
function spentOf({ spending = NOTHING }: Pick<RunState, 'spending'>, scope: BudgetScope): ScopeSpent {
  const { gates } = spending;
  return scope === 'run' ? Object.values(gates).reduce(add, NO_ATTEMPT) : (gates[scope] ?? NO_ATTEMPT);
}

/** The state once a gate has spent more. Runs without budgets keep no account. */
export function withSpent(state: RunState, gate: GateId, more: Partial<ScopeSpent>): RunState {
  if (state.plan?.budgets === undefined) return state;
  const { gates, granted } = state.spending ?? NOTHING;
  const spent = add(spentOf(state, gate), { ...NO_ATTEMPT, ...more });
  return { ...state, spending: { gates: { ...gates, [gate]: spent }, granted } };
}

/** An attempt has ended. Where it is not known what it used, one try of it counts as unknown. */
export const withAttemptSpent = (state: RunState, gate: GateId, spent: Spent | undefined): RunState =>
  withSpent(state, gate, spent ?? UNKNOWN_TRY);

/** The account of a run, for people and records; null where the policy has no budgets. */
export function runSpending(state: RunState): RunSpending | null {
  const limits = state.plan?.budgets;
  if (limits === undefined) return null;
  return { limits, gates: { ...state.spending?.gates }, run: spentOf(state, 'run') };
}

/** A figure of a budget, and what of it was spent since the budget was last granted. */
interface Account {
  readonly scope: BudgetScope;
  readonly figure: Figure;
  readonly limit: number;
  readonly spent: number;
}

/** Every limit that a gate is within, with what was spent of it. */
function accounts(state: RunState, gate: GateId): readonly Account[] {
  const budgets = state.plan?.budgets;
  const scopes: readonly (readonly [BudgetScope, Budget | undefined])[] = [
    [gate, budgets?.gates[gate]],
    ['run', budgets?.run],
  ];
  return scopes.flatMap(([scope, budget]) =>
    FIGURES.flatMap((figure) => {
      const limit = budget?.[figure.limit];
      if (limit === undefined) return [];
      const before = state.spending?.granted[scope] ?? NO_ATTEMPT;
      const spent = spentOf(state, scope)[figure.spent] - before[figure.spent];
      return [{ scope, figure, limit, spent: figure.limit === 'cost_usd' ? roundCost(spent) : spent }];
    }),
  );
}

/** Limits that leave nothing for one more attempt of a gate. */
const usedUp = (state: RunState, gate: GateId): readonly Account[] =>
  accounts(state, gate).filter(({ spent, limit }) => spent >= limit);

/** Limits that were exceeded: reaching one exactly is no breach. */
const exceeded = (state: RunState, gate: GateId): readonly Account[] =>
  accounts(state, gate).filter(({ spent, limit }) => spent > limit);

/**
 * The report of a P08 about a gate's budget and the run's; null where both hold.
 * @param when before an attempt starts or goes on, or once it has given an output
 */
export function budgetReport(state: RunState, gate: GateId, when: 'start' | 'end'): EscalationReport | null {
  const breached = when === 'start' ? usedUp(state, gate) : exceeded(state, gate);
  if (breached.length === 0) return null;
  const spent = breached.map((account) => `${inWords(account)} of ${nameOf(account.scope)}`).join(', ');
  const unknown = accounts(state, gate).flatMap(({ scope, figure }) => {
    const tries = figure.unknown === null ? 0 : spentOf(state, scope)[figure.unknown];
    return tries === 0
      ? []
      : [`${nameOf(scope)}: ${figure.limit} of ${tries} of ${spentOf(state, scope).tries} tries unknown`];
  });
  const isAfter = when === 'end';
  return {
    trigger: 'budget',
    issue: `The budget is spent: ${spent}.`,
    impact: isAfter
      ? `The output of ${gate} is there; the run does not go on until an integrator decides.`
      : `${gate} is not carried out until an integrator decides.`,
    context: [
      ...accounts(state, gate).map((account) => `${nameOf(account.scope)}: ${inWords(account)}`),
      ...unknown,
    ].join('\n'),
    options: [
      isAfter
        ? 'continue: go on with the output, and grant one more budget of the same size'
        : 'retry: grant one more budget of the same size, and carry out the gate',
      'rework: go back to an earlier gate, with one more budget of the same size',
      'abort: end the run',
    ],
    recommendation: 'Look at what the tries were spent on before granting more.',
    security_sensitive: false,
  };
}

/** Whoever answers a P08 about a budget, and does not end the run, grants one more of each that is used up. */
export function withGrant(state: RunState, gate: GateId): RunState {
  const scopes = new Set(usedUp(state, gate).map(({ scope }) => scope));
  if (scopes.size === 0) return state;
  const { gates, granted } = state.spending ?? NOTHING;
  const more = Object.fromEntries([...scopes].map((scope) => [scope, spentOf(state, scope)]));
  return { ...state, spending: { gates, granted: { ...granted, ...more } } };
}

/** What an attempt of a gate may spend by itself; null without a limit that a worker can keep. */
export function budgetLeft(state: RunState, gate: GateId): BudgetLeft | null {
  const least = (name: Figure['limit']): number | undefined => {
    const left = accounts(state, gate).flatMap(({ figure, limit, spent }) =>
      figure.limit === name ? [Math.max(0, limit - spent)] : [],
    );
    return left.length === 0 ? undefined : Math.min(...left);
  };
  const [tokens, cost_usd, wall_ms] = [least('tokens'), least('cost_usd'), least('wall_time')];
  if (tokens === undefined && cost_usd === undefined && wall_ms === undefined) return null;
  return {
    ...(tokens === undefined ? {} : { tokens }),
    ...(cost_usd === undefined ? {} : { cost_usd: roundCost(cost_usd) }),
    ...(wall_ms === undefined ? {} : { wall_ms }),
  };
}

const nameOf = (scope: BudgetScope): string => (scope === 'run' ? 'the run' : scope);

function inWords({ figure, spent, limit }: Account): string {
  switch (figure.limit) {
    case 'tokens':
      return `${spent} of ${limit} tokens`;
    case 'cost_usd':
      return `$${spent} of $${limit}`;
    case 'wall_time':
      return `${seconds(spent)} of ${seconds(limit)} of wall time`;
    case 'attempts':
      return `${spent} of ${limit} attempts`;
  }
}

const seconds = (milliseconds: number): string => `${Math.round(milliseconds / 100) / 10} s`;
