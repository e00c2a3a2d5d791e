import { z } from 'zod';
import { escalationReportSchema } from './escalation.js';
import { findingSchema } from './findings.js';
import { VERDICTS } from './names.js';
import {
  artifactRefSchema,
  commitSchema,
  executorRoleSchema,
  gateIdSchema,
  nameSchema,
  runIdSchema,
  sha256Schema,
} from './primitives.js';
import { promptIdSchema } from './prompt-pack.js';

/** Which program did a gate. Never holds the value of an environment variable nor an absolute path. */
export const executorDescriptorSchema = z.strictObject({
  kind: z.string(),
  principal: nameSchema,
  program: z.string().describe('the base name of the program'),
  arguments_sha256: sha256Schema.describe('of the canonical JSON of the argument list'),
  requested_model: z.string().nullable(),
  served_model: z.string().nullable(),
});
export type ExecutorDescriptor = z.infer<typeof executorDescriptorSchema>;

/** One call of an executor within an attempt. */
export const executorTrySchema = z.strictObject({
  number: z.int().positive(),
  rendered_prompt_sha256: sha256Schema,
  exit_code: z.int().nullable(),
  duration_ms: z.int().nonnegative(),
  /** Why the answer was not taken; null for the one that was. */
  problem: z.string().nullable(),
});
export type ExecutorTry = z.infer<typeof executorTrySchema>;

/**
 * Everything about one attempt of one gate. Its digest is what a decision binds; published as
 * `evidence/attempts/<gate>/<attempt>/attempt.json`.
 */
export const attemptRecordSchema = z.strictObject({
  schema_version: z.literal(1),
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
  tries: z.array(executorTrySchema),
  verdict: z.enum(VERDICTS),
  reason: z.string().nullable(),
  findings: z.array(findingSchema),
  escalation: escalationReportSchema.nullable(),
  /** What the attempt was given from earlier gates: the digests of their attempt records. */
  inputs: z.partialRecord(gateIdSchema, sha256Schema),
  /** Public artifacts; their path is where they stand while the attempt does. */
  artifacts: z.array(artifactRefSchema),
  /** Prompts, answers and logs; published beside the record whether or not the attempt stands. */
  transcripts: z.array(artifactRefSchema),
});
export type AttemptRecord = z.infer<typeof attemptRecordSchema>;
