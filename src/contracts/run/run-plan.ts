import { z } from 'zod';
import { pinnedKeySchema } from '../keys.js';
import {
  commitSchema,
  executorRoleSchema,
  gateIdSchema,
  nameSchema,
  runIdSchema,
  sha256Schema,
} from '../primitives.js';
import { plannedBudgetsSchema } from './budget.js';
import { cancellationRulesSchema } from './decisions.js';
import { independenceRulesSchema } from './independence.js';

/** What a workflow is started with: names and digests, never bytes. */
export const governedRunInputSchema = z.strictObject({
  schema_version: z.literal(1),
  run_id: runIdSchema,
  developer: z.string().min(1).max(200),
  target_repo: z.string().min(1).max(300),
  base_commit: commitSchema,
  base_branch: z
    .string()
    .min(1)
    .max(250)
    .optional()
    .describe('the branch whose tip the base commit was; absent where a run was started from a commit'),
  gates: z.array(gateIdSchema).min(1),
  request_sha256: sha256Schema,
  policy_sha256: sha256Schema,
  pack_object_sha256: sha256Schema.describe("the pack bundle's bytes in the store"),
  prompt_os_version: z.string().min(1).max(200),
  request_attestation_sha256: sha256Schema
    .nullable()
    .default(null)
    .describe("the starter's signed statement about what is started, in the store"),
});
export type GovernedRunInput = z.infer<typeof governedRunInputSchema>;

/** What the domain must know of the policy: the engine reads it out of the pinned policy when a run opens. */
export const runPlanSchema = z.strictObject({
  rules_version: z.int().positive().optional().describe('the rules that judge the run; absent means 1'),
  pack_sha256: sha256Schema,
  lint_passed: z.boolean(),
  principals: z.record(executorRoleSchema, nameSchema),
  integrators: z.array(nameSchema),
  /** Every principal of the policy, to distinguish a stranger from a wrong role. */
  known_actors: z.array(nameSchema),
  /** What the models that judge must differ in; absent where the policy does not ask. */
  independence: independenceRulesSchema.optional(),
  self_approval: z.enum(['refused', 'allowed']),
  /** Who may cancel; absent where the policy says nothing: the developer and the integrators. */
  cancellation: cancellationRulesSchema.optional(),
  /** Whether two roles may be done by the same program with the same arguments. */
  separation: z.strictObject({ executors: z.enum(['distinct', 'any']) }),
  approvals: z.record(gateIdSchema, z.int().nonnegative()),
  waivable: z.array(z.string()),
  rework_rounds: z.int().nonnegative(),
  /** What executors may spend; absent where the policy sets no budget. */
  budgets: plannedBudgetsSchema.optional(),
  /** Milliseconds that a waiver may count at most; absent where the policy sets no limit. */
  waiver_lifetime_ms: z.int().positive().optional(),
  /** Milliseconds that a request may wait. */
  deadlines: z.strictObject({ remind: z.int(), escalate: z.int(), expire: z.int() }),
  /** Whether people's decisions must be signed; `optional` lets unsigned ones count, and the record says so. */
  authentication: z.enum(['required', 'optional']),
  /** Whether results must be signed by the key of the principal that is bound to the role. */
  attestations: z.enum(['required', 'optional']),
  keys: z.record(nameSchema, z.array(pinnedKeySchema)),
  /** The keys that seal the ledger and sign the record; plans of rules version 1 do not have them. */
  engine_keys: z.array(pinnedKeySchema).optional(),
  /** Who signed the request; null when it is not signed. */
  request_signed_by: z.strictObject({ principal: nameSchema, keyid: z.string() }).nullable(),
  /** Milliseconds that one gate may take at the most: its executor's tries and its checks. */
  gate_timeout_ms: z.int().positive(),
  task_queues: z.record(executorRoleSchema, z.string()),
});
export type RunPlan = z.infer<typeof runPlanSchema>;
