import { z } from 'zod';

/** An instant in UTC, with or without milliseconds. */
const keyInstantSchema = z
  .string()
  .regex(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d{3})?Z$/, 'expected an instant such as "2026-01-31T12:00:00Z"')
  .refine((text) => !Number.isNaN(Date.parse(text)), 'expected an instant that exists');

/** A public key of a principal or of the engine, and when it counts. Judged at the ledger's time, never by a clock. */
export const policyKeySchema = z.strictObject({
  public: z
    .string()
    .regex(/^ssh-ed25519 [A-Za-z0-9+/]+={0,2}(?: .*)?$/, 'expected a line such as "ssh-ed25519 AAAA… comment"')
    .describe('an OpenSSH public key of the type Ed25519; `promptos keys generate` prints it'),
  valid_from: keyInstantSchema.optional().describe('what it signed before this instant does not count'),
  valid_until: keyInstantSchema.optional().describe('what it signed from this instant on does not count'),
  revoked_at: keyInstantSchema.optional().describe('what it signed from this instant on does not count'),
});
export type PolicyKey = z.infer<typeof policyKeySchema>;

/** A key as a run pins it: parsed, and small enough for the ledger. */
export const pinnedKeySchema = z.strictObject({
  keyid: z.string().min(1).max(100),
  /** The 32 bytes of the public key, as base64. */
  raw: z.string().min(1).max(60),
  valid_from: keyInstantSchema.nullable(),
  valid_until: keyInstantSchema.nullable(),
  revoked_at: keyInstantSchema.nullable(),
});
export type PinnedKey = z.infer<typeof pinnedKeySchema>;

/** A DSSE envelope with one signature, as it travels and is recorded in ledgers. */
export const envelopeSchema = z.strictObject({
  payloadType: z.string().min(1).max(200),
  payload: z.string().min(1).max(400_000),
  signatures: z
    .array(z.strictObject({ keyid: z.string().min(1).max(100), sig: z.string().min(1).max(200) }))
    .min(1)
    .max(1),
});
export type Envelope = z.infer<typeof envelopeSchema>;
