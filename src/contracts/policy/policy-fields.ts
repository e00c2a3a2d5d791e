import { z } from 'zod';
import { policyKeySchema } from '../keys.js';
import { ALWAYS_WAIVABLE_RULES, GATE_IDS, NEVER_WAIVABLE_RULES, PRINCIPAL_KINDS } from '../names.js';
import { durationSchema, gateIdSchema, globSchema, lineSchema, nameSchema, sha256Schema } from '../primitives.js';
import { budgetsSchema } from '../run/budget.js';
import { cancellationRulesSchema } from '../run/decisions.js';
import { independenceRulesSchema } from '../run/independence.js';
import { scopeSchema } from '../run/run-request.js';
import { checkSchema } from './policy-checks.js';
import { setupSchema } from './policy-setup.js';
import { transcriptRulesSchema } from './retention.js';

const principalSchema = z.strictObject({
  kind: z.enum(PRINCIPAL_KINDS).describe('the kind of principal; an integrator is a human'),
  display_name: lineSchema.optional().describe('a name for people to read; it has no effect'),
  keys: z.array(policyKeySchema).max(20).default([]).describe('public keys of this principal'),
});

const approvalsSchema = z
  .partialRecord(gateIdSchema, z.int().min(0).max(20))
  .default({})
  .transform(
    (given) =>
      Object.fromEntries(GATE_IDS.map((gate) => [gate, given[gate] ?? 1])) as Record<(typeof GATE_IDS)[number], number>,
  );

/** What a policy consists of; `policy.ts` adds what its fields may not say against each other. */
const PLAN_STATEMENTS = ['block', 'note'] as const;
export type PlanStatements = (typeof PLAN_STATEMENTS)[number];

export const policyFieldsSchema = z.strictObject({
  schema_version: z.literal(1).describe('the version of the policy format'),
  name: nameSchema.describe('the name of the policy, as messages and records show it'),
  repositories: z
    .array(globSchema)
    .min(1, 'a policy that governs no repository can start no run')
    .optional()
    .describe('names or globs of the repositories that the policy governs; without it, all'),
  principals: z.record(nameSchema, principalSchema).describe('every human and agent that may have a duty, by name'),
  roles: z
    .strictObject({
      writer: nameSchema.describe('the principal that does P00, P01, P03 and P05'),
      verifier: nameSchema.describe('the principal that does P06'),
      reviewer: nameSchema.describe('the principal that does P07'),
      integrator: z
        .array(nameSchema)
        .min(1, 'a policy without an integrator can never approve anything')
        .describe('the people who decide on gates and resolve escalations'),
    })
    .describe('which principal has which duty; no principal holds two roles'),
  decisions: z
    .strictObject({
      authentication: z
        .enum(['required', 'optional'])
        .default('required')
        .describe(
          'whether decisions, resolutions and escalations of people must be signed; an unsigned stop is then a hold. With optional, unsigned ones count and are marked',
        ),
    })
    .prefault({})
    .describe("how people's messages are judged"),
  attestations: z
    .enum(['required', 'optional'])
    .default('required')
    .describe("whether each gate's result must be signed by its principal's key, and the record by the engine's"),
  engine: z
    .strictObject({
      keys: z.array(policyKeySchema).max(20).default([]).describe('public keys of the engine; no principal has one'),
    })
    .prefault({})
    .describe('keys that seal ledgers and sign run records'),
  separation: z
    .strictObject({
      executors: z
        .enum(['distinct', 'any'])
        .default('distinct')
        .describe(
          'whether each role needs a program or arguments of its own; principals and keys are always disjoint. The record shows it',
        ),
    })
    .prefault({})
    .describe('what the parties of a run may not share'),
  independence: independenceRulesSchema
    .optional()
    .describe(
      'whether verifier and reviewer use other models than those whose work they judge, by the model that answered. The record shows each comparison',
    ),
  self_approval: z
    .enum(['refused', 'allowed'])
    .default('refused')
    .describe('whether the developer who started a run may decide on it; the record shows it'),
  cancellation: cancellationRulesSchema
    .optional()
    .describe('who may cancel a run; by default the developer who started it and the integrators'),
  required_gates: z
    .array(gateIdSchema)
    .default([...GATE_IDS])
    .describe('gates that no run may leave out'),
  approvals: approvalsSchema.describe(
    'how many integrators must approve each gate that passed: 1 by default, none with 0',
  ),
  waivable: z
    .array(nameSchema)
    .default([])
    .refine(
      (rules) => !rules.some((rule) => (NEVER_WAIVABLE_RULES as readonly string[]).includes(rule)),
      `the rules ${NEVER_WAIVABLE_RULES.join(' and ')} can never be waived`,
    )
    .describe(
      `rules whose findings an escalation may waive; those of ${ALWAYS_WAIVABLE_RULES.join(', ')} may be waived without being listed`,
    ),
  limits: z
    .strictObject({
      rework_rounds: z.int().min(0).max(50).default(3).describe('send-backs of a run before a P08 is raised'),
      waiver_lifetime: durationSchema
        .optional()
        .describe('the longest time that a waiver may count; with it each waiver must have an expiry'),
      output_tries: z
        .int()
        .min(1)
        .max(10)
        .default(3)
        .describe('tries for an output that does not parse, in one attempt'),
      patch_bytes: z.int().positive().default(1_000_000).describe('the most bytes of a patch; a larger patch fails'),
      patch_files: z.int().positive().default(200).describe('the most files of a patch; a patch with more fails'),
    })
    .prefault({})
    .describe('limits of a run'),
  budgets: budgetsSchema
    .optional()
    .describe(
      'what executors may spend. A breach ends the try and raises a P08; every answer to it but `abort` grants one more budget of the same size',
    ),
  deadlines: z
    .strictObject({
      remind: durationSchema.default(24 * 3_600_000).describe('a waiting run sends a reminder after this long'),
      escalate: durationSchema.default(72 * 3_600_000).describe('a waiting run raises a P08 after this long'),
      expire: durationSchema
        .default(14 * 24 * 3_600_000)
        .describe('a waiting run ends as expired after this long; a timer never approves'),
    })
    .prefault({})
    .describe('how long a run waits for a person'),
  checks: z
    .record(nameSchema, checkSchema)
    .default({})
    .describe('commands of the repository that prove something, by name'),
  setup: setupSchema.describe(
    'commands that a checkout needs before agents and checks can work in it, by name, in the order in which they run; their result is kept and is never part of a patch',
  ),
  baseline: z
    .enum(['block', 'note', 'off'])
    .default('note')
    .describe(
      'when a check of the run fails on the base commit, before any change: `block` fails P00, `note` makes it a finding that does not block, `off` does not run the checks there',
    ),
  plan_statements: z
    .enum(PLAN_STATEMENTS)
    .optional()
    .describe(
      'when a plan does not say how the change is taken back (`rollback`) or what it means for security (`security_impact`): `block` fails P03, `note`, the default, makes it a finding that does not block. Every prompt asks for both',
    ),
  default_checks: z.array(nameSchema).default([]).describe('checks of a run that is started without a request file'),
  default_scope: z
    .strictObject({
      // Said here and not in the request's scope, whose schema is part of prompts.
      allow: scopeSchema.shape.allow.describe(
        'globs of the paths that a run may touch; docs/globs.md has the language',
      ),
      deny: scopeSchema.shape.deny.describe('globs of excluded paths, even where `allow` matches them'),
    })
    .optional()
    .describe('scope of a run that is started without a request file'),
  protected_paths: z
    .array(globSchema)
    .default(['.promptos/**'])
    .describe('globs of paths out of every scope; the files that a check is made of are added'),
  protected_tests: z
    .array(globSchema)
    .default([])
    .describe(
      'tests and the files that decide how they run: new files are allowed; a change of an existing one needs the plan and an acknowledgement',
    ),
  agent_files: z
    .strictObject({
      allow: z
        .array(globSchema)
        .default([])
        .describe('globs of such files that a patch may change; the plan must name the file too'),
    })
    .optional()
    .describe(
      'files that steer coding agents, such as CLAUDE.md, AGENTS.md and .mcp.json: a patch changes none unless both the plan and `allow` name it, and P06 and P07 see them as they are in the base commit',
    ),
  transcripts: transcriptRulesSchema
    .optional()
    .describe('how long transcripts of executors are kept; without it forever'),
  prompt_packs: z
    .array(sha256Schema)
    .min(1, 'a policy that trusts no prompt pack can start no run')
    .describe('digests of the prompt packs that may be used; `promptos prompts list` prints them'),
});
export type PolicyFields = z.infer<typeof policyFieldsSchema>;
