import { z } from 'zod';
import { DURATION_UNITS } from '../primitives.js';

/** How long transcripts are kept: milliseconds after the run's end, or null for ever. */
const keepSchema = z
  .string()
  .regex(/^(?:forever|[1-9]\d{0,6}[smhd])$/, 'expected "forever" or a duration such as "24h" or "90d"')
  .transform((text) =>
    text === 'forever'
      ? null
      : Number(text.slice(0, -1)) * DURATION_UNITS[text.slice(-1) as keyof typeof DURATION_UNITS],
  );

export const transcriptRulesSchema = z.strictObject({
  keep: keepSchema.describe(
    'how long after the end of a run what its executors printed is kept: forever, or a duration such as 90d. `promptos run prune` removes it afterwards; prompts, answers and all evidence stay',
  ),
});
export type TranscriptRules = z.infer<typeof transcriptRulesSchema>;
