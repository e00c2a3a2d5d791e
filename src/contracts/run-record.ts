import { z } from 'zod';
import { executorDescriptorSchema, executorTrySchema } from './attempt.js';
import { decisionSchema, REFUSAL_REASONS, resolutionSchema } from './decisions.js';
import { escalationReportSchema } from './escalation.js';
import { findingSchema } from './findings.js';
import { feedbackSchema } from './ledger.js';
import { OUTCOMES, VERDICTS } from './names.js';
import {
  artifactRefSchema,
  commitSchema,
  gateIdSchema,
  instantSchema,
  nameSchema,
  runIdSchema,
  sha256Schema,
} from './primitives.js';
import { promptIdSchema } from './prompt-pack.js';

const recordedDecisionSchema = z.strictObject({ at: instantSchema, decision: decisionSchema });

const recordedAttemptSchema = z.strictObject({
  attempt: z.int().positive(),
  started_at: instantSchema,
  finished_at: instantSchema.nullable(),
  principal: nameSchema,
  /** Null when the attempt was interrupted before it gave anything. */
  output_sha256: sha256Schema.nullable(),
  prompt: z.strictObject({ prompt_id: promptIdSchema, version: z.string(), sha256: sha256Schema }).nullable(),
  tries: z.array(executorTrySchema),
  executor: executorDescriptorSchema.nullable(),
  verdict: z.enum(VERDICTS).nullable(),
  reason: z.string().nullable(),
  findings: z.array(findingSchema),
  waived: z.array(z.string()),
  decisions: z.array(recordedDecisionSchema),
  feedback: z.array(feedbackSchema),
  /** `passed`, `voided` by a send-back, or `open` when the run ended before it was decided. */
  standing: z.enum(['passed', 'voided', 'open']),
});

/** `run_record.json`: the run from start to end, every byte of the tree by digest. */
export const runRecordSchema = z.strictObject({
  schema_version: z.literal(1),
  run_id: runIdSchema,
  outcome: z.enum(OUTCOMES),
  outcome_reason: z.string(),
  started_at: instantSchema,
  finished_at: instantSchema,
  target_repo: z.string(),
  base_commit: commitSchema,
  developer: z.string(),
  promptos: z.strictObject({ version: z.string(), pack_sha256: sha256Schema.nullable(), lint_passed: z.boolean() }),
  policy: z.strictObject({ sha256: sha256Schema, self_approval: z.enum(['refused', 'allowed']).nullable() }),
  request_sha256: sha256Schema,
  workflow: z.strictObject({
    namespace: z.string(),
    workflow_id: z.string(),
    run_id: z.string(),
    task_queue: z.string(),
  }),
  /** How the deciders were authenticated. `none`: their names are claims. */
  authentication: z.enum(['none']),
  roles: z.strictObject({
    writer: nameSchema.nullable(),
    verifier: nameSchema.nullable(),
    reviewer: nameSchema.nullable(),
    integrator: z.array(nameSchema),
  }),
  gates: z.array(z.strictObject({ gate: gateIdSchema, phase: z.string(), attempts: z.array(recordedAttemptSchema) })),
  escalations: z.array(
    z.strictObject({
      escalation_id: z.string(),
      opened_at: instantSchema,
      gate: gateIdSchema.nullable(),
      attempt: z.int().nonnegative(),
      raised_by: z.string(),
      report: escalationReportSchema,
      resolution: z
        .strictObject({ at: instantSchema, resolution: resolutionSchema, waived: z.array(z.string()) })
        .nullable(),
    }),
  ),
  refusals: z.array(
    z.strictObject({
      at: instantSchema,
      kind: z.string(),
      reason: z.enum(REFUSAL_REASONS),
      message: z.string(),
      claimed_actor: z.string().nullable(),
      decision_id: z.string().nullable(),
    }),
  ),
  refusals_counted: z.partialRecord(z.enum(REFUSAL_REASONS), z.int().positive()),
  artifacts: z.array(artifactRefSchema),
  ledger: z.strictObject({ path: z.literal('evidence/ledger.jsonl'), entries: z.int().positive(), head: sha256Schema }),
  governance: z.strictObject({ prompt_artifact_hash: sha256Schema, prompt_chain_hash: sha256Schema }),
});
export type RunRecord = z.infer<typeof runRecordSchema>;
export type RecordedAttempt = z.infer<typeof recordedAttemptSchema>;
