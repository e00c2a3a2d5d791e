import type { Decision } from '../contracts/decisions.js';
import type { LedgerEvent } from '../contracts/ledger.js';
import { rulesVersionOf } from '../contracts/rules-version.js';
import type { RunPlan } from '../contracts/run-plan.js';
import { countedByRules } from '../contracts/sentences.js';
import type { Signed } from './authenticate.js';
import { judgeActor, judgeTimes } from './authority.js';
import { openEscalation } from './open-escalation.js';
import { type Refusal, refuse } from './refusals.js';
import { isRetry, isReworkTarget } from './rework-target.js';
import { type AttemptState, effectiveVerdict, findingsToAcknowledge, gateState, type RunState } from './run-state.js';
import { expiredWaivers } from './waiver-end.js';

/**
 * Judges a decision, in the order of the design: actor, authority, request still standing, id used up, and then
 * whether this choice can be made. Size and shape were judged when it was read.
 */
export function judgeDecision(
  state: RunState,
  plan: RunPlan,
  decision: Decision,
  { envelope, signer, at }: Signed,
): readonly LedgerEvent[] | Refusal {
  const unauthorised = judgeActor(state, plan, { actor: decision.actor, signer });
  if (unauthorised !== null) return unauthorised;
  if (decision.run_id !== state.run?.run_id) return refuse('RUN_MISMATCH', decision.run_id);
  if (decision.policy_sha256 !== state.run.policy_sha256) return refuse('POLICY_MISMATCH');

  const gate = gateState(state, decision.gate);
  const attempt = gate?.current ?? null;
  if (
    gate === undefined ||
    gate.request === null ||
    attempt === null ||
    gate.request.request_id !== decision.request_id ||
    attempt.attempt !== decision.attempt
  ) {
    return refuse('REQUEST_NOT_STANDING', decision.request_id);
  }
  if (attempt.output_sha256 !== decision.output_sha256) return refuse('OUTPUT_MISMATCH');
  const untimely = envelope === null ? null : judgeTimes(decision, gate.request.opened_at, at);
  if (untimely !== null) return untimely;
  if (state.decision_ids.includes(decision.decision_id))
    return refuse('DECISION_ALREADY_COUNTED', decision.decision_id);

  const impossible =
    decision.choice === 'approve'
      ? judgeApproval(attempt, gate.request.approved_by, decision, at)
      : judgeRejection(state, decision);
  if (impossible !== null) return impossible;

  const counted: LedgerEvent = { type: 'decisionCounted', decision, envelope };
  if (decision.choice === 'approve') return [counted];
  const rounds = isRetry(state, decision) ? (state.retries ?? 0) : state.rounds;
  if (decision.final === true || rounds < plan.rework_rounds) return [counted];
  return [counted, openEscalation(state, reworkBoundReport(plan, decision))];
}

function judgeApproval(
  attempt: AttemptState,
  approvedBy: readonly string[],
  decision: Decision,
  at: string,
): Refusal | null {
  if (effectiveVerdict(attempt) !== 'pass') return refuse('GATE_FAILED', `${decision.gate}: ${attempt.verdict}`);
  const expired = expiredWaivers(attempt, at);
  if (expired.length > 0) return refuse('WAIVER_EXPIRED', expired.join(', '));
  if (approvedBy.includes(decision.actor)) return refuse('ACTOR_ALREADY_DECIDED', decision.actor);
  const acknowledged = decision.acknowledged ?? [];
  if (attempt.severe_omitted > 0) {
    return refuse(
      'FINDINGS_NOT_ACKNOWLEDGED',
      `${attempt.severe_omitted} more than can be shown one by one: reject it`,
    );
  }
  const missing = findingsToAcknowledge(attempt).filter(({ id }) => !acknowledged.includes(id));
  return missing.length === 0 ? null : refuse('FINDINGS_NOT_ACKNOWLEDGED', missing.map(({ id }) => id).join(', '));
}

function judgeRejection(state: RunState, decision: Decision): Refusal | null {
  if ((decision.reason ?? '').trim() === '') return refuse('REASON_MISSING');
  if (decision.to_gate !== undefined && !isReworkTarget(state, decision.gate, decision.to_gate)) {
    return refuse('TARGET_INVALID', decision.to_gate);
  }
  return null;
}

const reworkBoundReport = (plan: RunPlan, { gate, attempt, reason }: Decision) => ({
  gate,
  attempt,
  raised_by: 'engine',
  report: {
    trigger: 'rework_bound' as const,
    issue: `The policy's bound of ${countedByRules(rulesVersionOf(plan), plan.rework_rounds, 'rework round')} is used up, and ${gate} was rejected again.`,
    impact: 'The run does not go on until an integrator decides how.',
    context: `The rejection says: ${(reason ?? '').slice(0, 1_000)}`,
    options: ['continue: one more round, as the rejection asks', 'rework: go back further', 'abort: end the run'],
    recommendation: 'Look at why the rounds before did not settle it before granting another.',
    security_sensitive: false,
  },
});
