import { z } from 'zod';
import { globSchema, itemIdSchema, lineSchema, nameSchema, textSchema } from '../primitives.js';

const uniqueIds = (items: readonly { readonly id: string }[]): boolean =>
  new Set(items.map(({ id }) => id)).size === items.length;

/** Which paths of the repository a run may touch: any allowed glob, and no denied one. */
export const scopeSchema = z.strictObject({
  allow: z.array(globSchema).min(1, 'a scope that allows nothing lets no work be done'),
  deny: z.array(globSchema).default([]),
});
export type Scope = z.infer<typeof scopeSchema>;

export const constraintSchema = z.strictObject({ id: itemIdSchema, text: textSchema });

export const criterionSchema = z.strictObject({
  id: itemIdSchema,
  text: textSchema,
  /** The policy's check that proves it, where there is one. */
  check: nameSchema.optional(),
});
export type Criterion = z.infer<typeof criterionSchema>;

/** What is to be done under governance. Read from YAML or JSON; stored as canonical JSON. */
export const runRequestSchema = z.strictObject({
  schema_version: z.literal(1).default(1),
  context: z.strictObject({
    project: lineSchema.describe('the name of the project'),
    description: textSchema.describe('what the project is'),
    stack: z.array(lineSchema).default([]).describe('languages, frameworks and tools'),
    constraints: z
      .array(constraintSchema)
      .default([])
      .refine(uniqueIds, 'two constraints have the same id')
      .describe('what must hold whatever the task; each must survive the Context Lock word for word'),
    role: lineSchema.default('engineer').describe('the part that the writer plays'),
    goal: textSchema.describe('what the run is to achieve'),
  }),
  task: z.strictObject({
    title: lineSchema,
    description: textSchema,
    acceptance_criteria: z
      .array(criterionSchema)
      .min(1, 'a task without acceptance criteria can never be done')
      .refine(uniqueIds, 'two acceptance criteria have the same id'),
    out_of_scope: z.array(lineSchema).default([]),
  }),
  scope: scopeSchema,
  checks: z.array(nameSchema).default([]).describe("names of the policy's checks that the Verify Forensics gate runs"),
  notes: z.string().max(20_000).default(''),
});
export type RunRequest = z.infer<typeof runRequestSchema>;
