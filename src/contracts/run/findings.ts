import { z } from 'zod';
import { fingerprintSchema, severitySchema } from '../primitives.js';

/** One thing that a rule, a check or a role found wrong. */
export const findingSchema = z.strictObject({
  /** Unique within its attempt, readable, such as `scope-1`. */
  id: z.string().min(1).max(80),
  /** The rule that gave it; `review` and `verifier` for what a role reported. */
  rule: z.string().min(1).max(60),
  severity: severitySchema,
  /** A blocking finding makes the gate's verdict `fail` until it is waived. */
  blocking: z.boolean(),
  message: z.string().min(1).max(2_000),
  path: z.string().min(1).max(1_000).optional(),
  line: z.int().positive().optional(),
  /** Names the finding in a waiver; salted, and never the value that was found. */
  fingerprint: fingerprintSchema.optional(),
});
export type Finding = z.infer<typeof findingSchema>;

/** What a rule gives: the engine adds the id and the rule's name. */
export type RuleFinding = Omit<Finding, 'id' | 'rule'>;
