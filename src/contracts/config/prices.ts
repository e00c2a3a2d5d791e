import { z } from 'zod';

const priceSchema = z.number().nonnegative().max(1e6);

/** Prices of models in US dollars per million tokens, by exact name or by a name with `*`. */
export const pricesSchema = z
  .record(
    z.string().min(1).max(200),
    z.strictObject({
      input: priceSchema.describe('US dollars per million tokens of prompts'),
      output: priceSchema.describe('US dollars per million tokens that the model wrote'),
      cached_input: priceSchema
        .optional()
        .describe('US dollars per million tokens that came from a cache of the provider; without it as `input`'),
    }),
  )
  .optional()
  .describe(
    'prices of models, by name; `*` matches any characters, and of several names that match the longest counts. They give the cost of a try whose executor says none',
  );
export type Prices = NonNullable<z.infer<typeof pricesSchema>>;
