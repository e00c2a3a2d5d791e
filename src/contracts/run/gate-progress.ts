import { z } from 'zod';
import { gateIdSchema, instantSchema, sha256Schema } from '../primitives.js';
import { spentSchema } from './budget.js';

/** Bytes of JSON that a heartbeat may have: Temporal keeps the last one of each activity, and sends it to every reader. */
export const MAX_PROGRESS_BYTES = 3_800;
/** Characters of the last line that a command printed. */
export const MAX_LAST_LINE = 200;

/**
 * The end of one output of a command. It has no more than a heartbeat can carry; a reader puts the pieces of
 * several heartbeats together by `end`.
 */
const outputPieceSchema = z.object({
  path: z.string().max(200).describe('where the attempt will keep the whole of it, such as "try-1/stdout.txt"'),
  end: z.int().nonnegative().describe('characters of this output up to the end of the text'),
  text: z.string().max(MAX_PROGRESS_BYTES),
});
export type OutputPiece = z.infer<typeof outputPieceSchema>;

/** An attempt waits, or has waited, for its provider: an overload, a rate limit. Every heartbeat carries it on. */
const providerWaitSchema = z.object({
  since: instantSchema.describe('when the provider first could not answer'),
  until: instantSchema.describe('when it is asked again'),
  times: z.int().positive().describe('how often it could not answer'),
});
export type ProviderWait = z.infer<typeof providerWaitSchema>;

/** What a worker says of a gate while it carries it out: the details of its heartbeats. Secrets are masked. */
export const gateProgressSchema = z.object({
  gate: gateIdSchema,
  attempt: z.int().positive(),
  try: z.int().nonnegative().describe('of the executor; 0 before it is asked'),
  activity: z.string().max(200).describe('what is done now, such as "check tests"'),
  started_at: instantSchema.describe("when that began, by the worker's clock"),
  elapsed_ms: z.int().nonnegative().describe('how long it had taken when this was sent'),
  times_out_at: instantSchema.nullable().describe("when it is stopped, by the worker's clock; null without a limit"),
  timeout_ms: z.int().positive().nullable(),
  last_line: z.string().max(MAX_LAST_LINE).nullable().describe('the last line that was printed'),
  output: z.array(outputPieceSchema).max(64),
  spent: spentSchema.optional().describe('what the attempt used so far; a try that runs counts as unknown'),
  finished_tries: sha256Schema
    .optional()
    .describe('the object of the store with the tries whose answers did not count; absent while there is none'),
  provider_wait: providerWaitSchema.optional().describe('absent where the provider has always answered'),
});
export type GateProgress = z.infer<typeof gateProgressSchema>;
