import { z } from 'zod';
import { groupsOf, patternProblem } from '../linear-pattern.js';

/*
 * What a worker config says of the output of an executor besides its answer: how failures are recognised, and where the use
 * of the model is. Every kind of executor that prints something has these fields.
 */

/**
 * What a failed try of an executor is, which decides what happens next: `transient` is retried later and costs no try,
 * `authentication`, `configuration` and `budget` need a person at once, `bad_answer` is asked again with what was wrong,
 * and `lost` means that the worker or the sandbox died.
 */
export const FAILURE_CLASSES = [
  'transient',
  'authentication',
  'configuration',
  'budget',
  'bad_answer',
  'lost',
] as const;

/** The classes that a program's output can show: a lost program shows nothing. */
export const RECOGNISED_CLASSES = ['transient', 'authentication', 'configuration', 'budget', 'bad_answer'] as const;

export const jsonPointerSchema = z
  .string()
  .max(500)
  .regex(/^(\/.*)?$/, 'expected a JSON pointer such as "/result"');

const patternSchema = z
  .string()
  .min(1)
  .max(1_000)
  .superRefine((pattern, context) => {
    const problem = patternProblem(pattern);
    if (problem !== null) {
      const message = `expected a regular expression in the syntax of RE2, such as "(?i)rate limit"; ${problem}`;
      context.addIssue({ code: 'custom', message });
    }
  });

/** Where a program prints: its outputs, and the text that its answer was taken from. */
const OUTPUT_TEXTS = ['stdout', 'stderr', 'answer'] as const;
export type OutputText = (typeof OUTPUT_TEXTS)[number];

const retryAfterSchema = z
  .strictObject({
    pointer: jsonPointerSchema.optional().describe('RFC 6901 pointer to the delay in the JSON that was printed'),
    matches: patternSchema
      .optional()
      .describe('a regular expression over the same texts as the rule; its one group is the delay'),
  })
  .refine(({ pointer, matches }) => (pointer === undefined) !== (matches === undefined), {
    message: 'expected either "pointer" or "matches"',
  })
  .refine(({ matches }) => matches === undefined || patternProblem(matches) !== null || groupsOf(matches) === 1, {
    path: ['matches'],
    message: 'expected exactly one group, around the delay, such as "retry in ([0-9.]+)s"',
  });

/** One way in which a program shows that it failed. Everything that a rule names must hold. */
const failureRuleSchema = z
  .strictObject({
    class: z
      .enum(RECOGNISED_CLASSES)
      .describe(
        'what such a failure is: transient is retried after a delay and costs no try; authentication, configuration and budget raise a P08 at once; bad_answer is asked again',
      ),
    exit_codes: z.array(z.int().min(0).max(255)).min(1).optional().describe('exit codes, one of which it ended with'),
    pointer: jsonPointerSchema
      .optional()
      .describe('RFC 6901 pointer into the JSON that was printed; of several messages the last that has it counts'),
    equals: z
      .array(z.union([z.string(), z.number(), z.boolean()]))
      .min(1)
      .optional()
      .describe('values, one of which is at the pointer'),
    matches: patternSchema
      .optional()
      .describe(
        'a regular expression in the syntax of RE2, over the text at the pointer, or without one over the last 64 KiB of each text',
      ),
    in: z
      .array(z.enum(OUTPUT_TEXTS))
      .min(1)
      .default([...OUTPUT_TEXTS])
      .describe('the texts that are looked at; answer is the one that the answer was taken from'),
    retry_after: retryAfterSchema.optional().describe('where the provider says how long to wait: seconds or a date'),
    message: jsonPointerSchema
      .optional()
      .describe(
        "RFC 6901 pointer to the provider's words; without it the matching line, or the end of what it printed",
      ),
  })
  .refine(({ exit_codes, pointer, matches }) => (exit_codes ?? pointer ?? matches) !== undefined, {
    message: 'expected at least one of "exit_codes", "pointer" and "matches"',
  })
  .refine(({ pointer, equals }) => equals === undefined || pointer !== undefined, {
    path: ['pointer'],
    message: 'expected the pointer to the value, since "equals" is given',
  })
  .refine(({ class: of, retry_after }) => retry_after === undefined || of === 'transient', {
    path: ['retry_after'],
    message: 'expected it with the class "transient" alone: no other class is retried after a delay',
  });
export type FailureRule = z.infer<typeof failureRuleSchema>;

/** In the order in which they are tried; the first that holds counts. */
export const failureRulesSchema = z
  .array(failureRuleSchema)
  .max(100)
  .default([])
  .describe('how failures of the provider and of the set-up are recognised; the first rule that holds counts');

/** Where a program reports what a call used. Counts are claims of the program. */
export const usageLocationSchema = z
  .strictObject({
    take: z
      .enum(['last', 'sum'])
      .default('last')
      .describe('of several messages that have a number: the last one, or the sum of all'),
    input_tokens: jsonPointerSchema
      .optional()
      .describe('pointer to the tokens of the prompt; a part "*" of a pointer matches every member, and adds them up'),
    output_tokens: jsonPointerSchema.optional().describe('pointer to the tokens that the model wrote'),
    cached_tokens: jsonPointerSchema
      .optional()
      .describe('pointer to the tokens that came from a cache of the provider'),
    cached_apart: z
      .boolean()
      .default(false)
      .describe('whether the cached tokens are counted beside those of the prompt, and not among them'),
    cost_usd: jsonPointerSchema.optional().describe('pointer to the cost in US dollars'),
    session_id: jsonPointerSchema.optional().describe("pointer to the agent's own id of its session"),
    request_id: jsonPointerSchema.optional().describe('pointer to the id of a request to the provider; all are kept'),
  })
  .prefault({})
  .describe('where the use of the model is, for the record: RFC 6901 pointers into the JSON that was printed');
export type UsageLocation = z.infer<typeof usageLocationSchema>;

/** What one call of an executor used, as it said itself. */
export const executorUsageSchema = z.strictObject({
  input_tokens: z.int().nonnegative().optional(),
  output_tokens: z.int().nonnegative().optional(),
  cached_tokens: z.int().nonnegative().optional(),
  cached_apart: z.literal(true).optional().describe('the cached tokens are not part of the input tokens'),
  cost_usd: z.number().nonnegative().optional(),
  cost_from: z
    .enum(['provider', 'prices'])
    .optional()
    .describe("whether the cost is the executor's own figure or that of the worker config's prices"),
});
export type ExecutorUsage = z.infer<typeof executorUsageSchema>;
