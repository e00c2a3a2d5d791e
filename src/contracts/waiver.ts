import { z } from 'zod';
import { findingSchema } from './findings.js';
import { gateIdSchema, instantSchema, nameSchema } from './primitives.js';

/** Findings that an integrator waived with one resolution: who, which, why, and until when. */
export const recordedWaiverSchema = z.strictObject({
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
