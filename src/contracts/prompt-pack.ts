import { z } from 'zod';
import { PROMPT_IDS } from './names.js';
import { repoPathSchema, sha256Schema } from './primitives.js';

const semverSchema = z
  .string()
  .regex(/^\d+\.\d+\.\d+(?:-[0-9A-Za-z.-]+)?(?:\+[0-9A-Za-z.-]+)?$/, 'expected a version such as "1.2.0"');
export const promptIdSchema = z.enum(PROMPT_IDS);
/** A phase as packs in use write it: `"00"` or `"P00"`. */
const phaseSchema = z.string().regex(/^P?\d{2}$/, 'expected a phase such as "00" or "P00"');
export const secondsInstantSchema = z
  .string()
  .regex(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$/, 'expected an instant such as "2026-01-31T12:00:00Z"');

const listOfTextSchema = z.array(z.string().trim().min(1)).min(1);

/** A text that the linter would refuse and that the pack's authors vouch for, such as a sample token. */
const lintAllowanceSchema = z.strictObject({
  code: z.enum(['ABSOLUTE_PATH', 'SECRET']),
  /** As the prompt has it, on one line. */
  text: z.string().trim().min(4).max(400),
  reason: z.string().trim().min(1, 'an allowance needs a reason'),
});
export type LintAllowance = z.infer<typeof lintAllowanceSchema>;

/** The YAML block at the head of a prompt. */
export const frontMatterSchema = z.strictObject({
  prompt_id: promptIdSchema,
  name: z.string().trim().min(1),
  phase: phaseSchema,
  maps_to_gate: phaseSchema,
  version: semverSchema,
  owner: z.string().trim().min(1),
  last_updated_utc: secondsInstantSchema,
  inputs_required: listOfTextSchema,
  outputs_expected: listOfTextSchema,
  stop_conditions: z.array(z.string().trim().min(1)).min(1, 'a prompt that can never stop the run is not a gate'),
  constitution_alignment: listOfTextSchema,
  lint_allow: z.array(lintAllowanceSchema).min(1).optional(),
});
export type FrontMatter = z.infer<typeof frontMatterSchema>;

/** `prompts.index.json`: what a pack holds. Paths are relative to the pack's folder. */
export const promptIndexSchema = z.strictObject({
  schema_version: z.union([z.string(), z.number()]),
  prompt_os_version: z.string().min(1),
  last_updated_utc: secondsInstantSchema,
  prompts: z
    .array(
      z.strictObject({
        prompt_id: promptIdSchema,
        name: z.string().trim().min(1),
        version: semverSchema,
        phase: phaseSchema,
        maps_to_gate: phaseSchema,
        path: repoPathSchema,
        owner: z.string().trim().min(1),
        last_updated_utc: secondsInstantSchema,
      }),
    )
    .min(1),
});
export type PromptIndex = z.infer<typeof promptIndexSchema>;

/** `prompts.lock.json`: the exact bytes that a pack was released with. */
export const promptLockSchema = z.strictObject({
  schema_version: z.literal(1),
  prompt_os_version: z.string().min(1),
  prompts: z.partialRecord(promptIdSchema, z.strictObject({ version: semverSchema, sha256: sha256Schema })),
});
export type PromptLock = z.infer<typeof promptLockSchema>;

/**
 * A pack as it is in the artifact store: the index, the lock and every prompt, by path, as text.
 * The pack's digest is the SHA-256 of the canonical JSON of `{ path: sha256 }` over the index and the prompts.
 */
export const promptPackBundleSchema = z.strictObject({
  schema_version: z.literal(1),
  prompt_os_version: z.string().min(1),
  digest: sha256Schema,
  files: z.record(repoPathSchema, z.string()),
});
export type PromptPackBundle = z.infer<typeof promptPackBundleSchema>;
