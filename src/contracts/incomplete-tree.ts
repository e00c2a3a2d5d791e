import { z } from 'zod';
import { RUN_ARTIFACTS } from './artifacts.js';
import { OUTCOMES } from './names.js';
import { artifactRefSchema, runIdSchema, sha256Schema } from './primitives.js';

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
