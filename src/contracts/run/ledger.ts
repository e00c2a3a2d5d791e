import { z } from 'zod';
import { interruptionLog, MAX_INTERRUPTION_LOGS } from '../artifacts.js';
import { parseJson } from '../json.js';
import { envelopeSchema } from '../keys.js';
import { OUTCOMES, SANDBOX_KINDS, VERDICTS } from '../names.js';
import { artifactRefSchema, gateIdSchema, instantSchema, nameSchema, sha256Schema } from '../primitives.js';
import { spentSchema } from './budget.js';
import { cancellationSchema, decisionSchema, REFUSAL_REASONS, resolutionSchema } from './decisions.js';
import { escalationReportSchema } from './escalation.js';
import { findingSchema } from './findings.js';
import { governedRunInputSchema, runPlanSchema } from './run-plan.js';

const attemptKey = { gate: gateIdSchema, attempt: z.int().positive() };

/** Where the run lives in Temporal. Never the current execution's run id: a Reset changes it, even for the past. */
const workflowSchema = z.strictObject({
  namespace: z.string(),
  workflow_id: z.string(),
  first_execution_run_id: z.string(),
  task_queue: z.string(),
});
export type RunWorkflow = z.infer<typeof workflowSchema>;

/** Guidance that a later attempt of a gate receives. */
export const feedbackSchema = z.strictObject({
  kind: z.enum(['rejection', 'guidance']),
  from_gate: gateIdSchema,
  by: z.string(),
  text: z.string(),
});
export type Feedback = z.infer<typeof feedbackSchema>;

/** A log of an attempt that ended without a record; the path is the one in the attempt's folder. */
const interruptionLogSchema = artifactRefSchema.refine(
  ({ path, media_type }) => interruptionLog(path)?.media_type === media_type,
  'expected the log of a set-up command, such as setup/npm.stderr.txt',
);

/** Everything that can happen in a run, as the engine writes it down. */
export const ledgerEventSchema = z.discriminatedUnion('type', [
  z.strictObject({
    type: z.literal('runOpened'),
    run: governedRunInputSchema,
    workflow: workflowSchema,
    plan: runPlanSchema,
  }),
  /** The engine refused to open the run, for instance since it does not trust the policy. */
  z.strictObject({
    type: z.literal('openingFailed'),
    run: governedRunInputSchema,
    workflow: workflowSchema,
    code: z.string(),
    message: z.string(),
  }),
  z.strictObject({ type: z.literal('gateStarted'), ...attemptKey, principal: nameSchema }),
  /** No worker carries the attempt out: it is done elsewhere, and its signed result is awaited in the journal. */
  z.strictObject({ type: z.literal('gateHandedOff'), ...attemptKey }),
  z.strictObject({
    type: z.literal('gateFinished'),
    ...attemptKey,
    verdict: z.enum(VERDICTS),
    reason: z.string().nullable(),
    /** Digest of the attempt's record (`attempt.json`), which lists every artifact of the attempt by digest. */
    output_sha256: sha256Schema,
    /** The worst findings, bounded; the attempt's record has them all. */
    findings: z.array(findingSchema),
    findings_omitted: z.int().nonnegative(),
    /** The signed statement of the principal that did the gate. */
    attestation: envelopeSchema.nullable(),
    blocking_omitted: z.int().nonnegative(),
    severe_omitted: z.int().nonnegative(),
    /** The weakest that the executor and the checks of the attempt ran in. Ledgers of before do not name it. */
    sandbox: z.enum(SANDBOX_KINDS).optional(),
    /** What the attempt used, as its worker says; in runs whose policy has budgets. */
    spent: spentSchema.optional(),
  }),
  z.strictObject({
    type: z.literal('gateInterrupted'),
    ...attemptKey,
    code: z.string(),
    message: z.string(),
    /** What its tries used; absent where it is not known, and in runs without budgets. */
    spent: spentSchema.optional(),
    /** What the set-up command printed that failed, all of it. As its worker says. */
    logs: z.array(interruptionLogSchema).min(1).max(MAX_INTERRUPTION_LOGS).optional(),
  }),
  z.strictObject({
    type: z.literal('decisionRequested'),
    ...attemptKey,
    request_id: z.string(),
    output_sha256: sha256Schema,
  }),
  z.strictObject({
    type: z.literal('decisionCounted'),
    decision: decisionSchema,
    /** What was signed; null for a decision that an optional policy let through unsigned. */
    envelope: envelopeSchema.nullable(),
  }),
  z.strictObject({ type: z.literal('gatePassed'), ...attemptKey, approved_by: z.array(nameSchema) }),
  z.strictObject({
    type: z.literal('gateSentBack'),
    to_gate: gateIdSchema,
    feedback: z.array(feedbackSchema),
    voided: z.array(z.strictObject(attemptKey)),
  }),
  z.strictObject({
    type: z.literal('escalationOpened'),
    escalation_id: z.string(),
    request_id: z.string(),
    gate: gateIdSchema.nullable(),
    attempt: z.int().nonnegative(),
    raised_by: z.string(),
    /** The id of a person's message: it counts once. */
    decision_id: z.string().nullable(),
    /** A person's signed message. */
    envelope: envelopeSchema.nullable(),
    report: escalationReportSchema,
  }),
  z.strictObject({
    type: z.literal('escalationResolved'),
    resolution: resolutionSchema,
    envelope: envelopeSchema.nullable(),
    waived: z.array(z.string()),
  }),
  /** The run closes at once. */
  z.strictObject({
    type: z.literal('cancellationCounted'),
    cancellation: cancellationSchema,
    envelope: envelopeSchema.nullable(),
  }),
  z.strictObject({
    type: z.literal('refused'),
    kind: z.enum(['decision', 'resolution', 'escalation', 'cancellation', 'signal']),
    reason: z.enum(REFUSAL_REASONS),
    message: z.string(),
    claimed_actor: z.string().nullable(),
    decision_id: z.string().nullable(),
    /** Of the canonical JSON of a signed message: by it the journal's entry is accounted for. */
    message_sha256: sha256Schema.optional(),
    /** Of the canonical JSON of an envelope that no key of the policy signed: by it a person finds the message. */
    envelope_sha256: sha256Schema.optional(),
  }),
  z.strictObject({ type: z.literal('reminded'), request_id: z.string() }),
  z.strictObject({
    type: z.literal('runClosed'),
    outcome: z.enum(OUTCOMES),
    reason: z.string(),
    /** A run that was cancelled by Temporal's own means: not signed. Ledgers of before do not name it. */
    through: z.literal('temporal').optional(),
    /** Refusals past the hundredth, by reason. */
    refusals_counted: z.partialRecord(z.enum(REFUSAL_REASONS), z.int().positive()),
  }),
]);
export type LedgerEvent = z.infer<typeof ledgerEventSchema>;
export type LedgerEventOf<T extends LedgerEvent['type']> = Extract<LedgerEvent, { type: T }>;

/** An event in its place in the hash chain. `hash` is the SHA-256 of the canonical JSON of the entry without `hash`. */
export type LedgerEntry = LedgerEvent & {
  readonly seq: number;
  /** Workflow time. */
  readonly at: string;
  /** The hash of the entry before, or 64 zeros. */
  readonly prev: string;
  readonly hash: string;
};

/** The fields that the chain adds to an event. */
export const ledgerLinkSchema = z.looseObject({
  seq: z.int().nonnegative(),
  at: instantSchema,
  prev: sha256Schema,
  hash: sha256Schema,
});

export interface LedgerHead {
  readonly entries: number;
  readonly hash: string;
}

/**
 * One entry as it was read from outside, its shape checked. It comes back as it is, not as the schemas would rewrite it,
 * so that its hash can still be checked.
 * @throws z.ZodError
 */
export function parseLedgerEntry(value: unknown): LedgerEntry {
  const { seq: _seq, at: _at, prev: _prev, hash: _hash, ...event } = ledgerLinkSchema.parse(value);
  ledgerEventSchema.parse(event);
  return value as LedgerEntry;
}

/** The entries of a ledger or of a part of one, a line each. @throws z.ZodError, SyntaxError */
export const parseLedgerLines = (content: string | Uint8Array): LedgerEntry[] =>
  (typeof content === 'string' ? content : new TextDecoder().decode(content))
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => parseLedgerEntry(parseJson(line)));
