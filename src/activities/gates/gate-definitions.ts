import type { GateId } from '../../contracts/names.js';
import { adversarialReview } from './adversarial-review.js';
import { constrainedBuilder } from './constrained-builder.js';
import { contextLock } from './context-lock.js';
import { designGate } from './design-gate.js';
import type { GateDefinition } from './gate-definition.js';
import { scopeDeclaration } from './scope-declaration.js';
import { verifyForensics } from './verify-forensics.js';

/** How each gate differs from the others. */
export const GATE_DEFINITIONS = {
  P00: contextLock,
  P01: scopeDeclaration,
  P03: designGate,
  P05: constrainedBuilder,
  P06: verifyForensics,
  P07: adversarialReview,
} satisfies Record<GateId, GateDefinition>;
