import { z } from 'zod';
import { canonicalJson, readJsonAs } from '../json.js';
import { envelopeSchema } from '../keys.js';
import { gateIdSchema, nameSchema, runIdSchema, sha256Schema } from '../primitives.js';
import { gateClaimSchema } from './gate-claim.js';

const JOURNALLED_MESSAGES = ['decision', 'resolution', 'escalation', 'cancellation'] as const;
export type JournalledMessage = (typeof JOURNALLED_MESSAGES)[number];

/** What a ledger's head was verified for: to carry out a gate, to close the run as approved, or to end its journal. */
const HEAD_PURPOSES = ['gate', 'close', 'end'] as const;
export type HeadPurpose = (typeof HEAD_PURPOSES)[number];

const verifiedHeadSchema = z.strictObject({
  run_id: runIdSchema,
  by: nameSchema.describe('`engine`, or the principal whose worker verified the head'),
  purpose: z.enum(HEAD_PURPOSES),
  gate: gateIdSchema.nullable(),
  attempt: z.int().nonnegative(),
  entries: z.int().positive(),
  hash: sha256Schema,
});
export type VerifiedHead = z.infer<typeof verifiedHeadSchema>;

/**
 * One entry of a run's journal: what happened to the run, kept outside Temporal, in one order. Anyone with write access to
 * the store can append; except for the opening, an entry counts only by its signature.
 */
export const journalEntrySchema = z.discriminatedUnion('kind', [
  /** Takes the run id for one chain of Temporal executions, and says whether the run opened. Written by the engine; the
   * first one counts, signed or not. */
  z.strictObject({
    kind: z.literal('opened'),
    run_id: runIdSchema,
    first_execution_run_id: z.string().min(1).max(100),
    policy_sha256: sha256Schema,
    request_sha256: sha256Schema,
    request_attestation_sha256: sha256Schema.nullable(),
    failed: z
      .strictObject({ code: z.string().min(1).max(100), message: z.string().max(2_000) })
      .nullable()
      .describe('why the run could not open; null for a run that opened'),
    /** By the engine; null where it has no key. */
    envelope: envelopeSchema.nullable(),
  }),
  /** A person's signed message, written before it is sent. */
  z.strictObject({ kind: z.literal('message'), message: z.enum(JOURNALLED_MESSAGES), envelope: envelopeSchema }),
  /** The ledger up to here was verified; null where the policy gives the verifier of the head no key. */
  z.strictObject({ kind: z.literal('head'), head: verifiedHeadSchema, envelope: envelopeSchema.nullable() }),
  /** A gate's signed result, written by the role's worker before it is sent: for one attempt the first one counts. */
  z.strictObject({ kind: z.literal('result'), envelope: envelopeSchema }),
  /** Who works on a gate that is done elsewhere. It says nothing about the run, and no step depends on it. */
  z.strictObject({ kind: z.literal('claim'), claim: gateClaimSchema, envelope: envelopeSchema }),
]);
export type JournalEntry = z.infer<typeof journalEntrySchema>;

/** An entry in its place. What has not the shape of an entry keeps its place and counts for nothing. */
export interface PlacedJournalEntry {
  readonly seq: number;
  readonly entry: JournalEntry | null;
}

/** What the opening of a journal says: which chain of executions has the run id, and what it was started from. */
export type RunOpening = Omit<Extract<JournalEntry, { kind: 'opened' }>, 'kind' | 'envelope'>;

/** A journal's entry as the store has it: canonical JSON in UTF-8. */
export const journalBytes = (entry: JournalEntry): Uint8Array => new TextEncoder().encode(canonicalJson(entry));

/** An entry as it was read, or null for what has not its shape: a writer to the store can put anything there. */
export const parseJournalEntry = (bytes: Uint8Array): JournalEntry | null => readJsonAs(journalEntrySchema, bytes);
