import { z } from 'zod';
import { executorRoleSchema, gateIdSchema, nameSchema } from '../primitives.js';

/** What the policy asks of the models of writer, verifier and reviewer. */
export const independenceRulesSchema = z.strictObject({
  models: z
    .enum(['off', 'prefer', 'require'])
    .describe(
      'whether the models that judge must differ from those that they judge: `prefer` makes it a finding where they do not, `require` one that blocks and raises a P08, also where a model is unknown; `off` records the comparison alone',
    ),
  by: z
    .enum(['vendor', 'family'])
    .default('vendor')
    .describe(
      'what must differ: the vendor of the models, or their family, so that two families of one vendor are enough',
    ),
});
export type IndependenceRules = z.infer<typeof independenceRulesSchema>;

/** One side of a comparison: who did a gate, and with which model, as the executor says. */
const comparedModelSchema = z.strictObject({
  gate: gateIdSchema,
  role: executorRoleSchema,
  principal: nameSchema,
  model: z.string().nullable().describe('the model that answered; null when it is unknown, or a person did the gate'),
  vendors: z.array(z.string()).describe('of the model; empty when its name shows none'),
  families: z.array(z.string()),
  person: z.literal(true).optional(),
});
export type ComparedModel = z.infer<typeof comparedModelSchema>;

/** Who judged whom, and whether with another model. */
export const comparisonSchema = z.strictObject({
  judge: comparedModelSchema,
  judged: comparedModelSchema,
  verdict: z.enum(['independent', 'same', 'unknown']),
});
export type Comparison = z.infer<typeof comparisonSchema>;

/** The comparisons of a run's attempts that count. */
export const runIndependenceSchema = independenceRulesSchema.extend({ comparisons: z.array(comparisonSchema) });
