import { z } from 'zod';
import { failureRulesSchema, jsonPointerSchema, usageLocationSchema } from './executor-output.js';
import { modelExecutorSchema } from './model-executor.js';
import { networkAccessSchema } from './network-access.js';
import { portablePathProblem } from './portable-path.js';
import { presetExecutorSchema } from './preset-executor.js';
import { durationSchema } from './primitives.js';

/** Where in what an executor printed or wrote its answer is. Applied in this order: source, pointer, fence. */
const answerLocationSchema = z
  .strictObject({
    from: z.enum(['stdout', 'file']).default('stdout').describe('where the executor writes its answer'),
    file: z
      .string()
      .min(1)
      .optional()
      .describe("with `from: file`, a path relative to the executor's scratch folder (`PROMPTOS_SCRATCH`)"),
    pointer: jsonPointerSchema
      .optional()
      .describe('RFC 6901 pointer into the JSON found there; a string found there is parsed further'),
    fence: z
      .string()
      .min(1)
      .optional()
      .describe('the answer is the last fenced block of the text with this info string'),
  })
  .refine(({ from, file }) => from !== 'file' || file !== undefined, {
    path: ['file'],
    message: 'expected the file that the answer is in, since from is "file"',
  });
export type AnswerLocation = z.infer<typeof answerLocationSchema>;

/** What a program that a worker starts sees of the worker's own environment. */
export const passedEnvironmentSchema = z.strictObject({
  allow: z
    .array(z.string().min(1))
    .default(['PATH', 'LANG', 'LC_ALL', 'TMPDIR'])
    .describe("variables of the worker's own environment that pass"),
  set: z
    .record(z.string().min(1), z.string())
    .default({})
    .describe('variables that are set, also over those of the worker'),
});
export type PassedEnvironment = z.infer<typeof passedEnvironmentSchema>;

export const networkSchema = networkAccessSchema.default('none');

export const commandExecutorSchema = z.strictObject({
  kind: z.literal('command').describe('a program that the worker starts'),
  argv: z
    .array(z.string().min(1))
    .min(1)
    .describe('the program and its arguments; the prompt arrives on standard input'),
  env: passedEnvironmentSchema.prefault({}).describe('the environment of the program'),
  home: z
    .record(
      z
        .string()
        .refine(
          (path) => portablePathProblem(path) === null,
          'expected a relative path such as ".agent/settings.json"',
        ),
      z.string(),
    )
    .default({})
    .describe('files that the program finds in its HOME, such as its settings: their text by path'),
  network: networkSchema,
  answer: answerLocationSchema
    .prefault({})
    .describe('where the answer is in what the program printed or wrote; applied in the order from, pointer, fence'),
  timeout: durationSchema.default(30 * 60_000).describe('the program is stopped and the try fails after this long'),
  max_output_bytes: z.int().positive().default(10_000_000).describe('the executor is stopped when it prints more'),
  model: z
    .strictObject({
      requested: z.string().min(1).optional().describe('the model that the program asks for, as the record shows it'),
      served_pointer: z
        .string()
        .optional()
        .describe('RFC 6901 pointer to the name of the model that answered, in the JSON that the program printed'),
    })
    .prefault({})
    .describe('which model does the work, for the record'),
  failures: failureRulesSchema,
  retry_for: durationSchema
    .default(24 * 3_600_000)
    .describe('how long transient trouble of the provider is retried before a P08 asks people'),
  usage: usageLocationSchema,
});
export type CommandExecutorConfig = z.infer<typeof commandExecutorSchema>;

export const executorConfigSchema = z.discriminatedUnion('kind', [
  commandExecutorSchema,
  presetExecutorSchema,
  modelExecutorSchema,
]);
export type ExecutorConfig = z.infer<typeof executorConfigSchema>;
