import { z } from 'zod';
import { publicArtifact, transcriptArtifact } from '../artifacts.js';
import { executorUsageSchema, FAILURE_CLASSES } from '../config/executor-output.js';
import { SANDBOX_KINDS, VERDICTS } from '../names.js';
import {
  type ArtifactRef,
  artifactRefSchema,
  commitSchema,
  executorRoleSchema,
  gateIdSchema,
  nameSchema,
  PATH_ISSUE,
  runIdSchema,
  sha256Schema,
} from '../primitives.js';
import { promptIdSchema } from '../prompt-pack.js';
import { AGENT_WORK } from '../run/agent-work.js';
import { spentSchema } from '../run/budget.js';
import { escalationReportSchema } from '../run/escalation.js';
import { findingSchema } from '../run/findings.js';
import { comparisonSchema } from '../run/independence.js';
import { inventorySchema } from '../run/inventory.js';

/** Which program did a gate. Never holds the value of an environment variable nor an absolute path. */
export const executorDescriptorSchema = z.strictObject({
  kind: z.string(),
  principal: nameSchema,
  program: z.string().describe('the base name of the program'),
  arguments_sha256: sha256Schema.describe('of the canonical JSON of the argument list'),
  requested_model: z.string().nullable(),
  served_model: z.string().nullable(),
  agent: z
    .strictObject({ name: z.string().max(100), version: z.string().max(100).nullable() })
    .optional()
    .describe('the coding agent of a preset and the version that it says; absent for other programs'),
  sandbox: z
    .enum(SANDBOX_KINDS)
    .optional()
    .describe('what kept the program from the rest of the machine; absent in attempts from before there was one'),
});
export type ExecutorDescriptor = z.infer<typeof executorDescriptorSchema>;

export const executorTrySchema = z.strictObject({
  number: z.int().positive(),
  rendered_prompt_sha256: sha256Schema,
  exit_code: z.int().nullable(),
  duration_ms: z.int().nonnegative(),
  /** Why the answer was not taken; null for the one that was. */
  problem: z.string().nullable(),
  failure: z.enum(FAILURE_CLASSES).optional().describe('what kind of failure the problem is; absent without one'),
  served_model: z
    .string()
    .nullable()
    .optional()
    .describe('the model that answered, as the executor says; null when it does not say'),
  usage: executorUsageSchema.optional().describe('what the executor says that it used; absent when it does not say'),
  session_id: z.string().max(200).optional().describe("the agent's own id of its session"),
  request_ids: z.array(z.string().max(200)).max(20).optional().describe('ids of its requests to the provider'),
  ...AGENT_WORK,
});
export type ExecutorTry = z.infer<typeof executorTrySchema>;

/** What is wrong with one file of a list: another path than the gate's table has, another media type, or a path twice. */
function refProblem(
  { path, media_type }: ArtifactRef,
  row: { readonly media_type: string } | null,
  refs: readonly ArtifactRef[],
  index: number,
): string | null {
  if (row === null) return `no path of this gate: ${JSON.stringify(path)}`;
  if (row.media_type !== media_type) return `expected ${path} as ${row.media_type}, received ${media_type}`;
  return refs.findIndex((other) => other.path === path) === index ? null : `${path} is listed twice`;
}

const attemptFields = z.strictObject({
  schema_version: z.literal(1),
  rules_version: z
    .int()
    .positive()
    .optional()
    .describe('the rules that judge the run; a decision binds them with the record. Absent means 1'),
  run_id: runIdSchema,
  gate: gateIdSchema,
  attempt: z.int().positive(),
  role: executorRoleSchema,
  principal: nameSchema,
  base_commit: commitSchema,
  request_sha256: sha256Schema,
  policy_sha256: sha256Schema,
  pack_sha256: sha256Schema,
  prompt: z.strictObject({ prompt_id: promptIdSchema, version: z.string(), sha256: sha256Schema }),
  escalation_prompt_sha256: sha256Schema,
  executor: executorDescriptorSchema,
  checks_sandbox: z
    .enum(SANDBOX_KINDS)
    .optional()
    .describe('the weakest sandbox that the checks of the attempt ran in; absent where it ran none'),
  setup: z
    .strictObject({
      sha256: sha256Schema.describe('of the commands, the key files and the platform: what the result is kept under'),
      cached: z.boolean().describe('whether an earlier attempt had made the result'),
      duration_ms: z.int().nonnegative().describe('how long the attempt waited until the result was made or found'),
    })
    .optional()
    .describe("what the policy's set-up gave to the executor's checkout; absent where the policy has none"),
  tries: z.array(executorTrySchema),
  verdict: z.enum(VERDICTS),
  reason: z.string().nullable(),
  findings: z.array(findingSchema),
  escalation: escalationReportSchema.nullable(),
  /** What the attempt was given from earlier gates: the digests of their attempt records. */
  inputs: z.partialRecord(gateIdSchema, sha256Schema),
  /** Public artifacts; their path is their place while the attempt counts. */
  artifacts: z.array(artifactRefSchema),
  /** Prompts, answers and logs; published beside the record whether or not the attempt counts. */
  transcripts: z.array(artifactRefSchema),
  inventory: inventorySchema
    .optional()
    .describe('the files in the checkout that steer coding agents, as the executor saw them'),
  independence: z
    .array(comparisonSchema)
    .optional()
    .describe('P06 and P07, where the policy asks for it: whose work was judged, and whether by another model'),
  unrecorded: spentSchema
    .optional()
    .describe('what earlier tries of the attempt used that ended with an error and are not listed; absent without any'),
  withheld: z
    .array(z.string().min(1))
    .optional()
    .describe('paths of such files that the patch touches; the executor saw them as in the base commit, or not at all'),
});

/**
 * Everything about one attempt of one gate. Its digest is what a decision binds; published as
 * `evidence/attempts/<gate>/<attempt>/attempt.json`. A role worker chooses no path: each is one of the gate's table.
 */
export const attemptRecordSchema = attemptFields.superRefine(({ gate, attempt, artifacts, transcripts }, context) => {
  const problem = (list: 'artifacts' | 'transcripts', index: number, message: string | null) => {
    if (message !== null) context.addIssue({ code: 'custom', path: [list, index], message, params: PATH_ISSUE });
  };
  for (const [index, ref] of artifacts.entries()) {
    problem('artifacts', index, refProblem(ref, publicArtifact(gate, attempt, ref.path), artifacts, index));
  }
  for (const [index, ref] of transcripts.entries()) {
    problem('transcripts', index, refProblem(ref, transcriptArtifact(ref.path), transcripts, index));
  }
});
export type AttemptRecord = z.infer<typeof attemptRecordSchema>;
