import { z } from 'zod';
import { durationSchema } from '../primitives.js';

/** A gate that no worker carries out: a person, or a program that a person started, claims it and submits the output. */
export const handOffExecutorSchema = z.strictObject({
  kind: z
    .literal('handoff')
    .describe('the gates are done elsewhere: with `promptos gate next` and `promptos gate submit`'),
  claim_timeout: durationSchema
    .default(8 * 3_600_000)
    .describe('a claim on a gate ends after this long, unless its claimant claims the gate again'),
});
