import { z } from 'zod';
import { commitSchema, itemIdSchema, sha256Schema } from '../primitives.js';

const plannedLineSchema = z.strictObject({
  component: z.string().describe('the component of the plan that names the file'),
  line: z.int().positive().describe('where plan.md names it'),
});

const statusSchema = z.enum(['added', 'modified', 'deleted', 'renamed', 'copied', 'type_changed']);

const tracedFileSchema = z.strictObject({
  path: z.string().min(1),
  old_path: z.string().nullable().describe('before a rename or copy'),
  status: statusSchema,
  before_blob: z
    .string()
    .nullable()
    .describe(
      'the name that git gives to the content before; null where there was no file, or the content is the same',
    ),
  after_blob: z.string().nullable().describe('the same of the content after'),
  planned: z.array(plannedLineSchema).describe('the lines of the plan that name it, by its path or its old path'),
  criteria: z
    .array(z.strictObject({ id: itemIdSchema, said_by: z.enum(['plan', 'builder']) }))
    .describe('criteria that its component serves, or for which the builder names it'),
});
export type TracedFile = z.infer<typeof tracedFileSchema>;

/** `evidence/traceability.json`: which line of the plan, and which requirement of the job, each file of the patch belongs to. */
export const traceabilitySchema = z.strictObject({
  schema_version: z.literal(1),
  base_commit: commitSchema,
  patch_sha256: sha256Schema.describe('of patch/change.patch'),
  has_plan: z.boolean().describe('false where the run leaves P03 out'),
  criteria: z
    .array(
      z.strictObject({
        id: itemIdSchema,
        text: z.string(),
        check: z.string().nullable().describe('the check that proves it'),
        components: z.array(z.string()).describe('the components of the plan that serve it'),
        how: z.string().nullable().describe('how the builder says that it is met'),
      }),
    )
    .describe('the acceptance criteria that hold: those of the job, or of the request where the run leaves P01 out'),
  files: z.array(tracedFileSchema).describe('the files of the patch, in the order of their paths'),
  untouched: z
    .array(plannedLineSchema.extend({ path: z.string().min(1) }))
    .describe('files that the plan names and the patch does not touch'),
});
export type Traceability = z.infer<typeof traceabilitySchema>;
