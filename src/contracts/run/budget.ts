import { z } from 'zod';
import type { GateId } from '../names.js';
import { durationSchema, gateIdSchema } from '../primitives.js';

/** What one scope, a gate or a whole run, may spend. */
const budgetSchema = z
  .strictObject({
    tokens: z
      .int()
      .positive()
      .optional()
      .describe('tokens of prompts and answers together, as far as executors say what they used'),
    cost_usd: z
      .number()
      .positive()
      .max(1e9)
      .optional()
      .describe("US dollars: the executor's own figure, or that of the worker config's `prices`"),
    wall_time: durationSchema
      .optional()
      .describe('time that executors may run; waiting for people, providers and workers does not count'),
    attempts: z.int().positive().optional().describe('attempts that may be started, void ones included'),
  })
  .refine((budget) => Object.values(budget).some((limit) => limit !== undefined), {
    message: 'expected at least one of "tokens", "cost_usd", "wall_time" and "attempts"',
  });

/** What is done where an executor does not say what a limited figure is. */
const UNKNOWN_USE = ['note', 'refuse'] as const;

export const budgetsSchema = z.strictObject({
  run: budgetSchema.optional().describe('what all gates of a run may spend together'),
  gates: z.partialRecord(gateIdSchema, budgetSchema).default({}).describe('what all attempts of a gate may spend'),
  unknown: z
    .enum(UNKNOWN_USE)
    .default('note')
    .describe(
      'when an executor does not say how much it used of what has a limit: `note` makes it a finding, `refuse` one that blocks and raises a P08',
    ),
});

/** As a run's plan has them: durations are milliseconds. */
const plannedBudgetSchema = z.strictObject({
  tokens: z.int().optional(),
  cost_usd: z.number().optional(),
  wall_time: z.int().optional(),
  attempts: z.int().optional(),
});
export type Budget = z.infer<typeof plannedBudgetSchema>;

export const plannedBudgetsSchema = z.strictObject({
  run: plannedBudgetSchema.optional(),
  gates: z.partialRecord(gateIdSchema, plannedBudgetSchema),
  unknown: z.enum(UNKNOWN_USE),
});
export type Budgets = z.infer<typeof plannedBudgetsSchema>;

/** What tries used. A figure that an executor does not say is counted as unknown, never as zero. */
export const spentSchema = z.strictObject({
  tries: z.int().nonnegative(),
  tokens: z.int().nonnegative(),
  cost_usd: z.number().nonnegative(),
  wall_ms: z.int().nonnegative(),
  tokens_unknown: z.int().nonnegative().describe('tries of which no tokens are known'),
  cost_unknown: z.int().nonnegative().describe('tries of which no cost is known'),
});
export type Spent = z.infer<typeof spentSchema>;

/** What a gate, or a run, has spent. */
const scopeSpentSchema = spentSchema.extend({ attempts: z.int().nonnegative() });
export type ScopeSpent = z.infer<typeof scopeSpentSchema>;

/** The account of a run whose policy has budgets. */
export const runSpendingSchema = z.strictObject({
  limits: plannedBudgetsSchema,
  gates: z.partialRecord(gateIdSchema, scopeSpentSchema).describe('what each gate that was started has spent'),
  run: scopeSpentSchema.describe('what all gates have spent together'),
});
export type RunSpending = z.infer<typeof runSpendingSchema>;

/** What a budget is of: one gate, or the whole run. */
export type BudgetScope = GateId | 'run';
