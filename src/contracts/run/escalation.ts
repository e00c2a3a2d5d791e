import { z } from 'zod';
import { ESCALATION_TRIGGERS } from '../names.js';
import { sha256Schema } from '../primitives.js';

/** How a ledger and its journal differ; part of the report of a P08 that a fork raised, so a resolution binds it. */
const forkSchema = z.strictObject({
  journal_entries: z.int().positive(),
  ledger_entries: z.int().positive(),
  missing: z.int().positive().describe('journal entries that the ledger does not account for'),
  missing_sha256: sha256Schema.describe('of the canonical JSON of the list of what is missing'),
});
export type Fork = z.infer<typeof forkSchema>;

/** Texts of an escalation travel through Temporal, so they are short: what is long belongs in an artifact. */
const MAX_TEXT = 4_000;
const shortTextSchema = z.string().trim().max(MAX_TEXT);

/** What an executor says when it must stop. */
const executorReportSchema = z.strictObject({
  issue: shortTextSchema.min(1).describe('what is wrong, in one or two sentences'),
  impact: shortTextSchema.describe('what happens without an answer'),
  context: shortTextSchema.describe('what a decider must know'),
  options: z.array(z.string().trim().min(1).max(500)).min(1).max(8).describe('what could be done'),
  recommendation: shortTextSchema.describe('what you would do, and why'),
  security_sensitive: z.boolean().default(false),
});
export type ExecutorReport = z.infer<typeof executorReportSchema>;

/** A text of a report as it was recorded: parsing must not change what is hashed. */
const recordedTextSchema = z.string().max(MAX_TEXT);

/** A P08 report as the ledger has it. */
export const escalationReportSchema = executorReportSchema.extend({
  trigger: z.enum(ESCALATION_TRIGGERS),
  fork: forkSchema.optional().describe('with the trigger `fork`: what the ledger does not account for'),
  issue: recordedTextSchema.min(1).describe('what is wrong, in one or two sentences'),
  impact: recordedTextSchema.describe('what happens without an answer'),
  context: recordedTextSchema.describe('what a decider must know'),
  options: z.array(z.string()).max(8).describe('what could be done'),
  recommendation: recordedTextSchema.describe('what the reporter would do, and why'),
});
export type EscalationReport = z.infer<typeof escalationReportSchema>;

/** An executor's whole answer: the gate's output, or the report of why it must stop. */
export const executorAnswerSchema = z.discriminatedUnion('kind', [
  z.looseObject({ kind: z.literal('output') }),
  z.strictObject({ kind: z.literal('escalation'), report: executorReportSchema }),
]);
