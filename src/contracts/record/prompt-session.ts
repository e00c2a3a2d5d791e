import { z } from 'zod';
import { sha256Schema } from '../primitives.js';
import { secondsInstantSchema } from '../prompt-pack.js';

/** `evidence/prompt_session.json`, as existing PromptOS tooling reads it: these fields, in this order, and no other. */
export const promptSessionSchema = z.strictObject({
  timestamp_utc: secondsInstantSchema.describe('when the run closed'),
  prompt_os_version: z.string().min(1),
  prompts_used: z.array(z.string().regex(/^P\d\d$/)).describe('the gates that ran, in the order of their first start'),
  developer: z.string().min(1),
  target_repo: z.string().min(1),
  notes: z.string(),
  lint_passed: z.boolean().describe('what the linter really said of the pack'),
  pas: z.strictObject({ stack_id: z.string(), stack_version: z.string(), compiled_hash: z.string() }).optional(),
  artifact_hash: sha256Schema.describe("of this file's bytes for the object without the two hash fields"),
  chain_hash: sha256Schema.describe('of the string artifact_hash + timestamp_utc'),
});
export type PromptSession = z.infer<typeof promptSessionSchema>;
