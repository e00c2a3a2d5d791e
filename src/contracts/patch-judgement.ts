import { z } from 'zod';
import { findingSchema } from './findings.js';
import { commitSchema, sha256Schema } from './primitives.js';

/** What the verifier's worker judged of a patch by itself. Published as `evidence/patch_judgement.json`. */
export const patchJudgementSchema = z.strictObject({
  schema_version: z.literal(1),
  rules_version: z.int().positive(),
  base_commit: commitSchema,
  patch_sha256: sha256Schema,
  rules: z.array(z.string()).describe('the rules that were run'),
  /** All that the rules found, whether or not the writer's own record has it. */
  findings: z.array(findingSchema.omit({ id: true }).extend({ known: z.boolean() })),
});
export type PatchJudgement = z.infer<typeof patchJudgementSchema>;
