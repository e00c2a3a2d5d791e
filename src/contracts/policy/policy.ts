import type { z } from 'zod';
import { refuseContradictions } from './policy-contradictions.js';
import { policyFieldsSchema } from './policy-fields.js';

/**
 * Who may do what, and which rules and checks hold. Pinned by its digest when a run starts.
 * Durations are written as text (`24h`) and parsed to milliseconds.
 */
export const policySchema = policyFieldsSchema.superRefine(refuseContradictions);
export type Policy = z.infer<typeof policySchema>;
