import { z } from 'zod';
import { AGENTS } from '../names.js';
import { networkAccessSchema } from '../network-access.js';
import { durationSchema } from '../primitives.js';

/** A coding agent whose command line is known: it becomes a command when the worker starts. */
export const presetExecutorSchema = z.strictObject({
  kind: z.literal('preset').describe('a coding agent whose command line promptos knows'),
  agent: z.enum(AGENTS).describe('which agent; its program is looked for in PATH'),
  model: z.string().min(1).optional().describe("the model to ask for; without it the agent's own default"),
  arguments: z
    .array(z.string().min(1))
    .default([])
    .describe('further arguments of the program, after those of the preset'),
  env: z
    .strictObject({
      allow: z
        .array(z.string().min(1))
        .default([])
        .describe("variables of the worker's own environment that pass beside those of the preset"),
      set: z
        .record(z.string().min(1), z.string())
        .default({})
        .describe('variables that are set, also over those of the preset'),
    })
    .prefault({})
    .describe("the environment of the agent, beside the preset's own"),
  network: networkAccessSchema
    .optional()
    .describe("what the agent may reach of the network; without it the hosts of the agent's own model service"),
  timeout: durationSchema.default(30 * 60_000).describe('the agent is stopped and the try fails after this long'),
  retry_for: durationSchema
    .default(24 * 3_600_000)
    .describe('how long transient trouble of the provider is retried before a P08 asks people'),
});
export type PresetExecutorConfig = z.infer<typeof presetExecutorSchema>;
