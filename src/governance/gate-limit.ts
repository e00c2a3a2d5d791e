import type { GateId } from '../contracts/names.js';
import type { RunPlan } from '../contracts/run-plan.js';

/**
 * Milliseconds after which Temporal takes an attempt of a gate for lost and has it carried out again. P06 runs a check
 * twice where it compares: with the patch, and on the base commit.
 */
export const gateLimitMs = ({ gate_timeout_ms }: Pick<RunPlan, 'gate_timeout_ms'>, gate: GateId): number =>
  gate === 'P06' ? 2 * gate_timeout_ms : gate_timeout_ms;
