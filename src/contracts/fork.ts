import { z } from 'zod';
import { sha256Schema } from './primitives.js';

/** How a ledger and its journal differ; part of the report of a P08 that a fork raised, so a resolution binds it. */
export const forkSchema = z.strictObject({
  /** Entries that the journal had. */
  journal_entries: z.int().positive(),
  /** Entries that the ledger had. */
  ledger_entries: z.int().positive(),
  missing: z.int().positive().describe('journal entries that the ledger does not account for'),
  missing_sha256: sha256Schema.describe('of the canonical JSON of the list of what is missing'),
});
export type Fork = z.infer<typeof forkSchema>;
