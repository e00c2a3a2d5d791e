import { z } from 'zod';
import { envelopeSchema } from '../keys.js';
import { KEY_PROTECTIONS, RESOLUTION_CHOICES } from '../names.js';
import {
  fingerprintSchema,
  gateIdSchema,
  instantSchema,
  nameSchema,
  runIdSchema,
  sha256Schema,
} from '../primitives.js';

/** Chosen by the caller; the same decision sent twice counts once. */
const decisionIdSchema = z
  .string()
  .regex(
    /^[A-Za-z0-9][A-Za-z0-9._:@-]{0,127}$/,
    'expected an id of letters, digits and . _ : @ - (128 characters at most)',
  );

/**
 * When a signed message was made, and until when it counts; judged at its receipt. Unsigned ones have neither. How its
 * private key is kept is what the signer's program says: a claim, which nothing is judged by.
 */
const signedTimes = {
  decided_at: instantSchema.optional(),
  expires_at: instantSchema.optional(),
  key_protection: z.enum(KEY_PROTECTIONS).optional(),
};

const messageTextSchema = z.string().max(4_000, 'expected 4,000 characters at most');

/** An integrator's judgement on one request, bound to the exact bytes that it is about. */
export const decisionSchema = z.strictObject({
  decision_id: decisionIdSchema,
  run_id: runIdSchema,
  gate: gateIdSchema,
  attempt: z.int().positive(),
  request_id: z.string().min(1).max(40),
  output_sha256: sha256Schema,
  policy_sha256: sha256Schema,
  actor: nameSchema,
  choice: z.enum(['approve', 'reject']),
  comment: messageTextSchema.optional(),
  /** A rejection's reason: it becomes the input of the next attempt. */
  reason: messageTextSchema.min(1).optional(),
  /** A rejection: the gate to go back to. */
  to_gate: gateIdSchema.optional(),
  /** A rejection that ends the run as `rejected`. */
  final: z.boolean().optional(),
  /** Ids of the critical and high findings that an approval takes on. */
  acknowledged: z.array(z.string().min(1).max(80)).max(200).optional(),
  ...signedTimes,
});
export type Decision = z.infer<typeof decisionSchema>;

/** An integrator's answer to an escalation. */
export const resolutionSchema = z.strictObject({
  decision_id: decisionIdSchema,
  run_id: runIdSchema,
  escalation_id: z.string().min(1).max(20),
  request_id: z.string().min(1).max(40),
  policy_sha256: sha256Schema,
  actor: nameSchema,
  choice: z.enum(RESOLUTION_CHOICES),
  /** With `rework`: the gate to go back to. */
  to_gate: gateIdSchema.optional(),
  /** Handed to the next attempt as input. */
  guidance: messageTextSchema.optional(),
  /** With `continue`: fingerprints of findings that are waived by name; `guidance` is the reason. */
  waive: z.array(fingerprintSchema).min(1).max(200).optional(),
  /** With `continue`: until when what it waives counts as waived. */
  waiver_expires_at: instantSchema.optional(),
  /** SHA-256 of the canonical JSON of the report that is answered; signed resolutions have it. */
  report_sha256: sha256Schema.optional(),
  ...signedTimes,
});
export type Resolution = z.infer<typeof resolutionSchema>;

/** A person's escalation. Everything is optional: a bare `escalate` signal stops the run too. */
export const personEscalationSchema = z.strictObject({
  /** With it, a message that arrives twice opens one escalation. */
  decision_id: decisionIdSchema.optional(),
  actor: nameSchema.optional(),
  run_id: runIdSchema.optional(),
  issue: messageTextSchema.optional(),
  impact: messageTextSchema.optional(),
  context: messageTextSchema.optional(),
  options: z.array(z.string().min(1).max(500)).max(8).optional(),
  recommendation: messageTextSchema.optional(),
  security_sensitive: z.boolean().optional(),
  ...signedTimes,
});
export type PersonEscalation = z.infer<typeof personEscalationSchema>;

/** What ends a run as `cancelled`: by a person whom the policy lets cancel, with the reason that the record shows. */
export const cancellationSchema = z.strictObject({
  decision_id: decisionIdSchema,
  run_id: runIdSchema,
  policy_sha256: sha256Schema,
  /** As `developer` of a run: where nothing is signed a developer need not be a principal. */
  actor: z.string().min(1).max(200),
  reason: messageTextSchema.min(1),
  ...signedTimes,
});
export type Cancellation = z.infer<typeof cancellationSchema>;

/** A cancellation as status and record have it. */
export const recordedCancellationSchema = z.strictObject({
  at: instantSchema,
  /** `temporal`: by Temporal's own means, which nothing signs, so who did it is not known. */
  through: z.enum(['promptos', 'temporal']),
  by: z.string().nullable(),
  reason: z.string(),
  /** The fingerprint of the key; null for what is not signed. */
  signed_by: z.string().nullable(),
});
export type RecordedCancellation = z.infer<typeof recordedCancellationSchema>;

/** What the `decide` update takes. */
export const humanMessageSchema = z.discriminatedUnion('kind', [
  z.strictObject({ kind: z.literal('decision'), decision: z.union([decisionSchema, envelopeSchema]) }),
  z.strictObject({ kind: z.literal('resolution'), resolution: z.union([resolutionSchema, envelopeSchema]) }),
  z.strictObject({ kind: z.literal('escalation'), escalation: z.union([personEscalationSchema, envelopeSchema]) }),
  z.strictObject({ kind: z.literal('cancellation'), cancellation: z.union([cancellationSchema, envelopeSchema]) }),
]);
export type HumanMessage = z.infer<typeof humanMessageSchema>;

/** Why a message did not count. Stable: they are recorded in ledgers. */
export const REFUSAL_REASONS = [
  'TOO_LARGE',
  'UNDECODABLE',
  'MALFORMED',
  'ACTOR_MISSING',
  'ACTOR_UNKNOWN',
  'NOT_AN_INTEGRATOR',
  'MAY_NOT_CANCEL',
  'SELF_APPROVAL',
  'SIGNATURE_MISSING',
  'SIGNATURE_INVALID',
  'KEY_UNKNOWN',
  'KEY_NOT_VALID',
  'SIGNER_MISMATCH',
  'RUN_MISMATCH',
  'POLICY_MISMATCH',
  'REQUEST_NOT_STANDING',
  'OUTPUT_MISMATCH',
  'DECISION_TIME_INVALID',
  'DECISION_EXPIRED',
  'DECISION_ALREADY_COUNTED',
  'ACTOR_ALREADY_DECIDED',
  'GATE_FAILED',
  'FINDINGS_NOT_ACKNOWLEDGED',
  'REASON_MISSING',
  'TARGET_INVALID',
  'NOTHING_TO_CONTINUE',
  'WAIVER_INVALID',
  'WAIVER_EXPIRY_INVALID',
  'WAIVER_EXPIRED',
  'TOO_MANY_ESCALATIONS',
  'RUN_CLOSED',
] as const;
export type RefusalReason = (typeof REFUSAL_REASONS)[number];

/** The answer of the `decide` update. */
export interface DecisionAnswer {
  readonly accepted: boolean;
  readonly reason: RefusalReason | null;
  /** One sentence for a person. */
  readonly message: string;
}

/** Who may cancel a run, where a policy says it. */
export const cancellationRulesSchema = z.strictObject({
  developer: z
    .enum(['allowed', 'refused'])
    .default('allowed')
    .describe('whether the developer who started a run may cancel it'),
  principals: z
    .array(nameSchema)
    .max(100)
    .optional()
    .describe('the principals who may cancel any run; the integrators where nothing is said'),
});
