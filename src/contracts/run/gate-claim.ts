import { z } from 'zod';
import { gateIdSchema, instantSchema, nameSchema, runIdSchema, sha256Schema } from '../primitives.js';

/** Characters that the name of a claimant may have. */
export const MAX_CLAIMANT = 200;

/**
 * A word about who works on a gate that is done elsewhere. The principal signs it. A claimant is one of those who act with the
 * principal's key, such as `ada@laptop`.
 */
export const gateClaimSchema = z.strictObject({
  run_id: runIdSchema,
  gate: gateIdSchema,
  attempt: z.int().positive(),
  principal: nameSchema,
  nonce: sha256Schema.describe('the hash of the ledger entry that started the attempt'),
  claimant: z
    .string()
    .regex(/^[^\p{Cc}]+$/u)
    .max(MAX_CLAIMANT),
  action: z.enum(['claim', 'release']),
  at: instantSchema,
  until: instantSchema.describe('when the claim ends by itself; of a release, when the claim would have ended'),
});
export type GateClaim = z.infer<typeof gateClaimSchema>;

/** The claim that holds a gate, as people and programs see it. */
export type HeldClaim = Pick<GateClaim, 'claimant' | 'at' | 'until'>;

/** What a worker answers where the gate is done elsewhere and no signed result is in the journal yet. */
export interface HandedOff {
  readonly handed_off: { readonly claim: HeldClaim | null };
}
