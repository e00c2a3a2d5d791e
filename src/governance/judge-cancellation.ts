import type { Cancellation } from '../contracts/decisions.js';
import type { LedgerEvent } from '../contracts/ledger.js';
import type { RunPlan } from '../contracts/run-plan.js';
import type { Signed } from './authenticate.js';
import { EPOCH, judgeTimes } from './authority.js';
import { cancellers } from './cancellers.js';
import { type Refusal, refuse } from './refusals.js';
import type { RunState } from './run-state.js';

/**
 * Judges a person's cancellation in the order of a decision. It answers no request: it may be signed before the run has
 * opened, and its run id binds it.
 */
export function judgeCancellation(
  state: RunState,
  plan: RunPlan,
  cancellation: Cancellation,
  { envelope, signer, at }: Signed,
): readonly LedgerEvent[] | Refusal {
  const { actor, run_id, policy_sha256, decision_id, reason } = cancellation;
  if (signer === null && plan.authentication === 'required') return refuse('SIGNATURE_MISSING');
  if (signer !== null && signer !== actor) return refuse('SIGNER_MISMATCH', `signed by ${signer}, says ${actor}`);
  if (!cancellers(plan, state.run?.developer ?? '').includes(actor)) {
    return refuse(plan.known_actors.includes(actor) ? 'MAY_NOT_CANCEL' : 'ACTOR_UNKNOWN', actor);
  }
  if (run_id !== state.run?.run_id) return refuse('RUN_MISMATCH', run_id);
  if (policy_sha256 !== state.run.policy_sha256) return refuse('POLICY_MISMATCH');
  const untimely = envelope === null ? null : judgeTimes(cancellation, EPOCH, at);
  if (untimely !== null) return untimely;
  if (state.decision_ids.includes(decision_id)) return refuse('DECISION_ALREADY_COUNTED', decision_id);
  if (reason.trim() === '') return refuse('REASON_MISSING');
  return [
    { type: 'cancellationCounted', cancellation, envelope },
    { type: 'runClosed', outcome: 'cancelled', reason, refusals_counted: {} },
  ];
}
