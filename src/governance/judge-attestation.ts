import { openEnvelope } from '../attestation/envelope.js';
import { PREDICATES, readStatement } from '../attestation/statement.js';
import type { ExecuteGateResult } from '../contracts/activities.js';
import { GATES, type GateId } from '../contracts/names.js';
import type { RunPlan } from '../contracts/run-plan.js';
import { isValidAt } from './authenticate.js';
import type { RunState } from './run-state.js';

/** Why a result does not count. */
export type AttestationProblem = string;

/**
 * Whether a gate's result was signed by the principal that the policy binds to its role, about exactly this attempt.
 * @param at workflow time: the key must count then
 * @returns null when it counts, also for an unsigned result where the policy takes those
 */
export function judgeAttestation(
  state: RunState,
  plan: RunPlan,
  { gate, attempt, result }: { readonly gate: GateId; readonly attempt: number; readonly result: ExecuteGateResult },
  at: string,
): AttestationProblem | null {
  const principal = plan.principals[GATES[gate].role];
  const { attestation } = result;
  if (attestation === null) {
    return plan.attestations === 'required' ? `the result is not signed, and ${principal} must sign it` : null;
  }
  const keys = (plan.keys[principal] ?? []).filter((key) => isValidAt(key, at));
  const opened = openEnvelope(attestation, keys);
  if (!opened.ok) return `${opened.problem} (${opened.detail}): expected a key of ${principal} that is valid at ${at}`;
  const stated = readStatement(opened.payload, PREDICATES.gateAttempt);
  if (stated === null) return `expected a statement ${PREDICATES.gateAttempt}`;
  const expected = {
    runId: state.run?.run_id,
    gate,
    attempt,
    principal,
    verdict: result.verdict,
    policySha256: state.run?.policy_sha256,
  };
  const different = Object.entries(expected).find(([field, value]) => stated.predicate[field] !== value);
  if (different !== undefined) return `it says another ${different[0]}: expected ${different[1]}`;
  const about = stated.subject.length === 1 ? stated.subject[0]?.digest.sha256 : undefined;
  return about === result.output_sha256
    ? null
    : `it is about ${about ?? 'several things'}, not about ${result.output_sha256}`;
}
