import { z } from 'zod';
import { nameSchema } from './primitives.js';

/** Who may cancel a run, where a policy says it. */
export const cancellationRulesSchema = z.strictObject({
  developer: z
    .enum(['allowed', 'refused'])
    .default('allowed')
    .describe('whether the developer who started a run may cancel it'),
  principals: z
    .array(nameSchema)
    .max(100)
    .optional()
    .describe('the principals who may cancel any run; the integrators where nothing is said'),
});
