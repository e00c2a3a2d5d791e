import { z } from 'zod';
import { RUN_ARTIFACTS } from '../artifacts.js';
import { GATE_IDS, OUTCOMES, SANDBOX_KINDS, VERDICTS } from '../names.js';
import {
  artifactRefSchema,
  commitSchema,
  gateIdSchema,
  instantSchema,
  nameSchema,
  runIdSchema,
  sha256Schema,
} from '../primitives.js';
import { promptIdSchema } from '../prompt-pack.js';
import { runSpendingSchema } from '../run/budget.js';
import { decisionSchema, REFUSAL_REASONS, recordedCancellationSchema, resolutionSchema } from '../run/decisions.js';
import { escalationReportSchema } from '../run/escalation.js';
import { findingSchema } from '../run/findings.js';
import { runIndependenceSchema } from '../run/independence.js';
import { feedbackSchema } from '../run/ledger.js';
import { executorDescriptorSchema, executorTrySchema } from './attempt.js';

/** Findings that an integrator waived with one resolution: who, which, why, and until when. */
const recordedWaiverSchema = z.strictObject({
  escalation_id: z.string(),
  gate: gateIdSchema,
  attempt: z.int().positive(),
  waived_at: instantSchema,
  waived_by: nameSchema,
  /** The key that signed the resolution; null when it is not signed, so that the name is a claim. */
  signed_by: z.string().nullable(),
  reason: z.string(),
  /** Null: the waiver has no end. */
  expires_at: instantSchema.nullable(),
  findings: z.array(findingSchema).min(1),
  /** Of the attempt: what was waived on one that is `voided` is part of nothing that was approved. */
  standing: z.enum(['passed', 'voided', 'open']),
});
export type RecordedWaiver = z.infer<typeof recordedWaiverSchema>;

/** Whether a waiver no longer counts. @param now milliseconds since the epoch */
export const isExpiredWaiver = ({ expires_at }: Pick<RecordedWaiver, 'expires_at'>, now: number): boolean =>
  expires_at !== null && Date.parse(expires_at) <= now;

/** The key that signed, as `ssh-keygen -l` prints it; null when it is not signed, so that the name beside it is a claim. */
const signedBySchema = z.string().nullable();

const recordedDecisionSchema = z.strictObject({
  at: instantSchema,
  decision: decisionSchema,
  signed_by: signedBySchema,
});

/** One principal with a duty, and the keys with which it signed in this run. */
const dutyHolderSchema = z.strictObject({ principal: nameSchema, keyids: z.array(z.string()) });

/** A role that executors carry out: the judge and the judged can be distinguished by program too. */
const executorDutySchema = dutyHolderSchema.extend({ executors: z.array(executorDescriptorSchema) });

const recordedAttemptSchema = z.strictObject({
  attempt: z.int().positive(),
  started_at: instantSchema,
  finished_at: instantSchema.nullable(),
  principal: nameSchema,
  signed_by: signedBySchema,
  /** Null when the attempt was interrupted before it gave anything. */
  output_sha256: sha256Schema.nullable(),
  prompt: z.strictObject({ prompt_id: promptIdSchema, version: z.string(), sha256: sha256Schema }).nullable(),
  tries: z.array(executorTrySchema),
  executor: executorDescriptorSchema.nullable(),
  checks_sandbox: z.enum(SANDBOX_KINDS).optional(),
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
  policy: z.strictObject({
    sha256: sha256Schema,
    self_approval: z.enum(['refused', 'allowed']).nullable(),
    separation: z.strictObject({ executors: z.enum(['distinct', 'any']) }).nullable(),
  }),
  request_sha256: sha256Schema,
  request_signed_by: signedBySchema,
  workflow: z.strictObject({
    namespace: z.string(),
    workflow_id: z.string(),
    run_id: z.string(),
    task_queue: z.string(),
  }),
  /**
   * What people did that counted (the request, decisions, resolutions, escalations): all of it `signed`, some of it
   * (`mixed`), or `none`. The names of those who did not sign are claims.
   */
  authentication: z.enum(['signed', 'mixed', 'none']),
  /** Whether the policy asks that results and this record be signed; null for a run that was never opened. */
  attestations: z.enum(['required', 'optional']).nullable(),
  /** The engine's key that signs this record and seals the ledger; null when neither is signed. */
  sealed_by: signedBySchema,
  roles: z.strictObject({
    writer: executorDutySchema.nullable(),
    verifier: executorDutySchema.nullable(),
    reviewer: executorDutySchema.nullable(),
    integrator: z.array(dutyHolderSchema),
  }),
  gates: z.array(z.strictObject({ gate: gateIdSchema, phase: z.string(), attempts: z.array(recordedAttemptSchema) })),
  escalations: z.array(
    z.strictObject({
      escalation_id: z.string(),
      opened_at: instantSchema,
      gate: gateIdSchema.nullable(),
      attempt: z.int().nonnegative(),
      raised_by: z.string(),
      signed_by: signedBySchema,
      report: escalationReportSchema,
      resolution: z
        .strictObject({
          at: instantSchema,
          resolution: resolutionSchema,
          signed_by: signedBySchema,
          waived: z.array(z.string()),
        })
        .nullable(),
    }),
  ),
  /** How a cancelled run came to its end. Records of before do not have it. */
  cancellation: recordedCancellationSchema.optional(),
  /**
   * What kept the programs of each gate, and the checks, from the rest of their machine: of several attempts, void ones
   * included, the weakest. Records of before do not have it.
   */
  sandbox: z.partialRecord(z.enum([...GATE_IDS, 'checks']), z.enum(SANDBOX_KINDS)).optional(),
  /** Who judged whom, and whether with another model; absent where the policy does not ask for it. */
  independence: runIndependenceSchema.optional(),
  /** What the run spent, and its limits; absent where the policy has no budgets. */
  budgets: runSpendingSchema.optional(),
  /** Absent where nothing was waived, and in runs of rules version 1. */
  waivers: z.array(recordedWaiverSchema).min(1).optional(),
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
  ledger: z.strictObject({
    path: z.literal(RUN_ARTIFACTS.ledger.path),
    entries: z.int().positive(),
    head: sha256Schema,
  }),
  governance: z.strictObject({ prompt_artifact_hash: sha256Schema, prompt_chain_hash: sha256Schema }),
});
export type RunRecord = z.infer<typeof runRecordSchema>;
export type RecordedAttempt = z.infer<typeof recordedAttemptSchema>;

/** The file at the top of a tree that says that a tree is not the record of a run. Without `run_record.json` nothing in it is finished. */
export const INCOMPLETE_PATH = RUN_ARTIFACTS.incomplete.path;

/**
 * `INCOMPLETE.json`: what `promptos run recover` found of a run that has no record, and what it did not find. It is not
 * signed: the tree shows what is stored, and vouches for nothing.
 */
export const incompleteTreeSchema = z.strictObject({
  schema_version: z.literal(1),
  run_id: runIdSchema,
  incomplete: z.literal(true),
  /** Why the run has no record, as Temporal has it; null when it does not say. */
  why: z.strictObject({ code: z.string(), message: z.string() }).nullable(),
  /** The outcome of the last ledger entry; it was never sealed. Null for a run that had not ended, or without a ledger. */
  unsealed_outcome: z.enum(OUTCOMES).nullable(),
  /** Null when no part of the ledger was found. */
  ledger: z.strictObject({ entries: z.int().positive(), head: sha256Schema, closed: z.boolean() }).nullable(),
  journal_entries: z.int().nonnegative(),
  /** What the ledger or the journal names and the store does not have. */
  missing: z.array(z.strictObject({ what: z.string(), sha256: sha256Schema.nullable(), problem: z.string() })),
  /** Every other file of the tree. */
  files: z.array(artifactRefSchema),
});
export type IncompleteTree = z.infer<typeof incompleteTreeSchema>;
