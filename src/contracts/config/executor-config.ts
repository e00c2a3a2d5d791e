import { z } from 'zod';
import { durationSchema } from '../primitives.js';
import { acpExecutorSchema } from './acp-executor.js';
import { failureRulesSchema, jsonPointerSchema, usageLocationSchema } from './executor-output.js';
import { modelExecutorSchema } from './model-executor.js';
import { presetExecutorSchema } from './preset-executor.js';
import { homeFilesSchema, networkSchema, passedEnvironmentSchema } from './program-environment.js';

/** A gate that no worker carries out: a person, or a program that a person started, claims it and submits the output. */
const handOffExecutorSchema = z.strictObject({
  kind: z
    .literal('handoff')
    .describe('the gates are done elsewhere: with `promptos gate next` and `promptos gate submit`'),
  claim_timeout: durationSchema
    .default(8 * 3_600_000)
    .describe('a claim on a gate ends after this long, unless its claimant claims the gate again'),
});

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

export const commandExecutorSchema = z.strictObject({
  kind: z.literal('command').describe('a program that the worker starts'),
  argv: z
    .array(z.string().min(1))
    .min(1)
    .describe('the program and its arguments; the prompt arrives on standard input'),
  env: passedEnvironmentSchema.prefault({}).describe('the environment of the program'),
  home: homeFilesSchema,
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
  acpExecutorSchema,
  handOffExecutorSchema,
]);
export type ExecutorConfig = z.infer<typeof executorConfigSchema>;
/** One whose program a worker starts. */
export type StartedExecutorConfig = Exclude<ExecutorConfig, { readonly kind: 'handoff' }>;
export const isStarted = (config: ExecutorConfig): config is StartedExecutorConfig => config.kind !== 'handoff';
