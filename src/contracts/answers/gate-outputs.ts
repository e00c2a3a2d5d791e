import { z } from 'zod';
import { type GateId, SANDBOX_KINDS } from '../names.js';
import { itemIdSchema, lineSchema, repoPathSchema, severitySchema, textSchema } from '../primitives.js';
import { constraintSchema, criterionSchema, scopeSchema } from '../run/run-request.js';

/** P00: the context as the writer understood it. Published as `evidence/context.json`. */
const contextOutputSchema = z.strictObject({
  project: lineSchema,
  summary: textSchema.describe('the context in your own words'),
  goal: textSchema,
  stack: z.array(lineSchema),
  constraints: z.array(constraintSchema).describe('every constraint of the request, id and text word for word'),
  assumptions: z.array(lineSchema).describe('what you take for granted that the request does not say'),
});

/** P01: the job as the writer takes it on. Published as `job.json`. */
export const jobOutputSchema = z.strictObject({
  title: lineSchema,
  objective: textSchema,
  deliverables: z.array(lineSchema).min(1),
  acceptance_criteria: z
    .array(criterionSchema)
    .min(1)
    .describe('every criterion of the request; you may add, never drop or reword'),
  scope: scopeSchema.describe('may narrow the scope of the request, never widen it'),
  exclusions: z.array(lineSchema).describe('what this job leaves alone'),
});

const IMPACTS = ['none', 'low', 'medium', 'high'] as const;

/** How a change is taken back. */
const rollbackSchema = z.strictObject({
  steps: z.array(lineSchema).min(1).describe('how the change is taken back after its release, in order'),
  irreversible: z
    .array(lineSchema)
    .describe('what reverting the commit does not undo, such as migrated data; empty when there is nothing'),
});

/** What a change means for security. */
const securityImpactSchema = z.strictObject({
  level: z.enum(IMPACTS),
  statement: textSchema.describe('what the change means for security, and why it has this level'),
});

const planComponentSchema = z.strictObject({
  name: lineSchema,
  responsibility: textSchema,
  files: z
    .array(repoPathSchema)
    .min(1)
    .describe('every file that will be added, changed, renamed or removed, inside the scope'),
  // Plans of earlier releases do not say.
  criteria: z
    .array(itemIdSchema)
    .optional()
    .describe('ids of the acceptance criteria that the files of this component serve'),
});

/** P03: the plan in its structured form; the engine renders `plan.md` from it. */
const planOutputSchema = z.strictObject({
  summary: textSchema,
  components: z.array(planComponentSchema).min(1),
  interfaces: z.array(z.strictObject({ name: lineSchema, description: textSchema })),
  data_flow: textSchema,
  alternatives: z
    .array(z.strictObject({ name: lineSchema, description: textSchema, rejected_because: textSchema }))
    .min(2, 'expected at least two alternatives that were weighed'),
  risks: z.array(z.strictObject({ risk: lineSchema, mitigation: textSchema })),
  open_questions: z
    .array(z.strictObject({ id: itemIdSchema, question: textSchema }))
    .describe('any open question escalates'),
  // Plans of earlier releases have neither, and `judgeStatements` judges the others.
  rollback: rollbackSchema.optional(),
  security_impact: securityImpactSchema.optional(),
});

/** P05: what the builder says of its change. The patch itself is computed by the engine. */
const buildOutputSchema = z.strictObject({
  summary: textSchema,
  criteria: z
    .array(z.strictObject({ id: itemIdSchema, how: textSchema }))
    .describe('how each acceptance criterion is met'),
  notes: z.array(lineSchema).default([]),
});

const roleFindingSchema = z.strictObject({
  severity: severitySchema,
  title: lineSchema,
  detail: textSchema,
  path: repoPathSchema.optional(),
  line: z.int().positive().optional(),
});

/** P06: the verifier's judgement, beside what the engine observed. Published as `evidence/verification.json`. */
const verificationOutputSchema = z.strictObject({
  verdict: z.enum(['pass', 'fail']),
  summary: textSchema,
  criteria: z
    .array(z.strictObject({ id: itemIdSchema, met: z.boolean(), evidence: textSchema }))
    .describe('one entry for each acceptance criterion of the job'),
  findings: z.array(roleFindingSchema),
});

/** P07: the reviewer's attack. The engine renders `review.md` from it. No findings is a legal review. */
const reviewOutputSchema = z.strictObject({
  verdict: z.enum(['pass', 'fail']),
  summary: textSchema,
  attacks: z.array(lineSchema).min(1).describe('what you tried in order to break the change'),
  findings: z.array(roleFindingSchema),
});

export type RoleFinding = z.infer<typeof roleFindingSchema>;

/** As outputs are read, those of earlier releases too. What may be absent is judged by rules. */
export const GATE_OUTPUT_SCHEMAS = {
  P00: contextOutputSchema,
  P01: jobOutputSchema,
  P03: planOutputSchema,
  P05: buildOutputSchema,
  P06: verificationOutputSchema,
  P07: reviewOutputSchema,
} satisfies Record<GateId, z.ZodType>;

/** As outputs are asked for, in prompts and of decoders: an executor gives everything. */
export const GATE_ANSWER_SCHEMAS = {
  ...GATE_OUTPUT_SCHEMAS,
  P03: planOutputSchema.required({ rollback: true, security_impact: true }),
} satisfies Record<GateId, z.ZodType>;

const planWithoutCriteria = planOutputSchema.extend({
  components: z.array(planComponentSchema.omit({ criteria: true })).min(1),
});

/** As releases before this one asked for outputs, where they asked for something else. */
export const EARLIER_ANSWER_SCHEMAS: Readonly<Partial<Record<GateId, readonly z.ZodType[]>>> = {
  P03: [
    planWithoutCriteria.required({ rollback: true, security_impact: true }),
    planWithoutCriteria.omit({ rollback: true, security_impact: true }),
  ],
};

/** The output of each gate, such as the plan of P03. */
export type GateOutputs = { readonly [G in GateId]: z.infer<(typeof GATE_OUTPUT_SCHEMAS)[G]> };

const testCountSchema = z.int().nonnegative();

/** What a test report counts. A test that ran passed or failed; one that was skipped did not run. */
const testCountsSchema = z.strictObject({
  executed: testCountSchema,
  passed: testCountSchema,
  failed: testCountSchema,
  skipped: testCountSchema,
});
export type TestCounts = z.infer<typeof testCountsSchema>;

const checkStatusSchema = z.enum(['passed', 'failed', 'timed_out', 'not_started']);

/** The same check on the base commit without the patch: what the counts, or a failure, are compared with. */
const checkBaselineSchema = z.strictObject({
  status: checkStatusSchema,
  exit_code: z.int().nullable(),
  tests: testCountsSchema.nullable().describe('null when the base commit gave no readable report'),
  reason: z.string().optional().describe('why there are no counts'),
});
export type CheckBaseline = z.infer<typeof checkBaselineSchema>;

const checkSandboxSchema = z
  .enum(SANDBOX_KINDS)
  .optional()
  .describe('what kept the check from the rest of the machine; absent for a check that was not run');

/** What a check did on the base commit at P00, with the ends of what it printed. */
export const baselineCheckSchema = checkBaselineSchema.extend({
  name: z.string(),
  argv: z.array(z.string()),
  stdout_tail: z.string(),
  stderr_tail: z.string(),
  sandbox: checkSandboxSchema,
});
export type BaselineCheck = z.infer<typeof baselineCheckSchema>;

/** What the run's checks did before any change. Published as `evidence/baseline.json`. */
export const baselineSchema = z.strictObject({
  schema_version: z.literal(1),
  base_commit: z.string(),
  checks: z.array(baselineCheckSchema),
});
export type Baseline = z.infer<typeof baselineSchema>;

/** What the engine saw when it ran a check. Published in `evidence/test_results.json`. */
const checkResultSchema = z.strictObject({
  name: z.string(),
  argv: z.array(z.string()),
  status: checkStatusSchema,
  exit_code: z.int().nullable(),
  signal: z.string().nullable(),
  duration_ms: z.int().nonnegative(),
  stdout_sha256: z.string(),
  stdout_bytes: z.int().nonnegative(),
  stderr_sha256: z.string(),
  stderr_bytes: z.int().nonnegative(),
  /** Why a check could not be started or did not count. */
  reason: z.string().optional(),
  tests: testCountsSchema.optional().describe('counts of the report that the policy names for the check'),
  baseline: checkBaselineSchema.optional(),
  sandbox: checkSandboxSchema,
});
export type CheckResult = z.infer<typeof checkResultSchema>;

export const testResultsSchema = z.strictObject({
  schema_version: z.literal(1),
  base_commit: z.string(),
  patch_sha256: z.string(),
  checks: z.array(checkResultSchema),
});
export type TestResults = z.infer<typeof testResultsSchema>;
