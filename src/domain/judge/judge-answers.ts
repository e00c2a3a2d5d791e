import { own } from '../../contracts/json.js';
import { type EscalationTrigger, WAIVED_BY_NAME_RULES } from '../../contracts/names.js';
import type { Cancellation, Decision, Resolution } from '../../contracts/run/decisions.js';
import type { Finding } from '../../contracts/run/findings.js';
import type { LedgerEvent } from '../../contracts/run/ledger.js';
import { rulesVersionOf } from '../../contracts/run/rules-version.js';
import type { RunPlan } from '../../contracts/run/run-plan.js';
import { countedByRules } from '../../contracts/sentences.js';
import { isWaivable } from '../../rules/waivable.js';
import { openEscalation } from '../run/escalations.js';
import { isRetry, isReworkTarget } from '../run/next-step.js';
import { type Refusal, refuse } from '../run/refusals.js';
import {
  type AttemptState,
  currentGate,
  effectiveVerdict,
  findingsToAcknowledge,
  gateState,
  type OpenEscalation,
  type RunState,
} from '../run/run-state.js';
import { expiredWaivers, judgeWaiverEnd } from '../run/waivers.js';
import type { Signed } from './authenticate.js';
import { EPOCH, judgeActor, judgeTimes } from './authority.js';

/** The first questions to an answer: who sent it, and whether it is about this run under this policy. */
function judgeSender(
  state: RunState,
  plan: RunPlan,
  { actor, run_id, policy_sha256 }: Decision | Resolution,
  { signer }: Signed,
): Refusal | null {
  const unauthorised = judgeActor(state, plan, { actor, signer });
  if (unauthorised !== null) return unauthorised;
  if (run_id !== state.run?.run_id) return refuse('RUN_MISMATCH', run_id);
  return policy_sha256 === state.run.policy_sha256 ? null : refuse('POLICY_MISMATCH');
}

/** The questions once the request of an answer is known: whether it is timely, and counts for the first time. */
function judgeMoment(
  state: RunState,
  answer: Decision | Resolution,
  openedAt: string,
  { envelope, at }: Signed,
): Refusal | null {
  const untimely = envelope === null ? null : judgeTimes(answer, openedAt, at);
  if (untimely !== null) return untimely;
  const { decision_id } = answer;
  return state.decision_ids.includes(decision_id) ? refuse('DECISION_ALREADY_COUNTED', decision_id) : null;
}

/**
 * Judges a decision, in the order of the design: actor, authority, request pending, id used up, and then
 * whether this choice can be made. Size and shape were judged when it was read.
 */
export function judgeDecision(
  state: RunState,
  plan: RunPlan,
  decision: Decision,
  signed: Signed,
): readonly LedgerEvent[] | Refusal {
  const { envelope, at } = signed;
  const foreign = judgeSender(state, plan, decision, signed);
  if (foreign !== null) return foreign;

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
  const late = judgeMoment(state, decision, gate.request.opened_at, signed);
  if (late !== null) return late;

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

/** Escalations after which there is no output that the run could go on with. */
const NO_OUTPUT: readonly EscalationTrigger[] = ['executor', 'infrastructure', 'trust'];

/** Escalations that are about an output's findings: to go on with it is to waive them. */
const ABOUT_FINDINGS: readonly EscalationTrigger[] = ['rule_violation', 'critical_finding', 'open_question', 'person'];

/** Judges an answer to an escalation, in the same order as a decision. */
export function judgeResolution(
  state: RunState,
  plan: RunPlan,
  resolution: Resolution,
  signed: Signed,
): readonly LedgerEvent[] | Refusal {
  const { envelope, at } = signed;
  const foreign = judgeSender(state, plan, resolution, signed);
  if (foreign !== null) return foreign;

  const open = state.escalations.find(({ escalation_id }) => escalation_id === resolution.escalation_id);
  if (open === undefined || open.request_id !== resolution.request_id) {
    return refuse('REQUEST_NOT_STANDING', resolution.request_id);
  }
  if (resolution.report_sha256 !== undefined && resolution.report_sha256 !== open.report_sha256) {
    return refuse('OUTPUT_MISMATCH', 'the report is another one');
  }
  const late = judgeMoment(state, resolution, open.opened_at, signed);
  if (late !== null) return late;
  const unbound = open.fork_entries === null ? null : judgeForkResolution(plan, open, resolution, envelope);
  if (unbound !== null) return unbound;
  const impossible = judgeChoice(state, open, resolution);
  if (impossible !== null) return impossible;

  const waivable = resolution.choice === 'continue' ? waivableFindings(state, plan, open, at) : [];
  const unnamed = judgeNamedWaiver(waivable, resolution);
  if (unnamed !== null) return unnamed;
  const waived = waivable.filter((finding) => isWaived(finding, resolution)).map(({ id }) => id);
  // Before version 2 only a waiver by name had to say why.
  if (waived.length > 0 && rulesVersionOf(plan) >= 2 && !hasReason(resolution)) {
    return refuse('REASON_MISSING', `it waives ${waived.join(', ')}`);
  }
  const untimelyEnd = judgeWaiverEnd(plan, resolution, waived, at);
  if (untimelyEnd !== null) return untimelyEnd;
  const resolved: LedgerEvent = { type: 'escalationResolved', resolution, envelope, waived };
  if (resolution.choice !== 'abort') return [resolved];
  const reason = resolution.guidance ?? `${open.escalation_id}: ${open.report.issue}`;
  return [resolved, { type: 'runClosed', outcome: 'aborted', reason, refusals_counted: {} }];
}

/**
 * A run goes on from a fork only by a signature over the report, which names what is missing. To end it needs no more than
 * usual. Where the policy takes unsigned messages, and has no key of the integrator, naming the report must do.
 */
function judgeForkResolution(
  plan: RunPlan,
  { report_sha256 }: OpenEscalation,
  resolution: Resolution,
  envelope: Signed['envelope'],
): Refusal | null {
  if (resolution.choice === 'abort') return null;
  const canSign = plan.authentication === 'required' || own(plan.keys, resolution.actor) !== undefined;
  if (envelope === null && canSign) return refuse('SIGNATURE_MISSING', 'a fork is resolved by a signature only');
  return resolution.report_sha256 === report_sha256
    ? null
    : refuse('OUTPUT_MISMATCH', 'it does not name the report of the fork');
}

/** Whether there is anything to go on with after an escalation. */
export const canContinue = (open: { readonly trigger: EscalationTrigger; readonly interrupted: boolean }): boolean =>
  !NO_OUTPUT.includes(open.trigger) && !(['fork', 'budget'].includes(open.trigger) && open.interrupted);

function judgeChoice(state: RunState, open: OpenEscalation, { choice, to_gate }: Resolution): Refusal | null {
  // Behind the last gate nothing is current: rework goes back from there.
  const here = currentGate(state)?.gate ?? state.gates.at(-1)?.gate;
  const interrupted = currentGate(state)?.current?.status === 'interrupted';
  if (choice === 'continue' && !canContinue({ trigger: open.trigger, interrupted }))
    return refuse('NOTHING_TO_CONTINUE', open.escalation_id);
  if (choice !== 'rework') return to_gate === undefined ? null : refuse('TARGET_INVALID', 'only rework names a gate');
  if (to_gate === undefined) return refuse('TARGET_INVALID', 'rework names the gate to go back to');
  return here !== undefined && isReworkTarget(state, here, to_gate) ? null : refuse('TARGET_INVALID', to_gate);
}

/** A waiver by name is of findings that are open here and waivable, and has a reason. */
function judgeNamedWaiver(waivable: readonly Finding[], resolution: Resolution): Refusal | null {
  const { waive } = resolution;
  if (waive === undefined) return null;
  const unknown = waive.find((name) => !waivable.some((finding) => finding.fingerprint === name && isNamed(finding)));
  if (unknown !== undefined) return refuse('WAIVER_INVALID', unknown);
  return hasReason(resolution) ? null : refuse('REASON_MISSING');
}

const hasReason = ({ guidance = '' }: Resolution): boolean => guidance.trim() !== '';

const isNamed = ({ rule }: Finding): boolean => (WAIVED_BY_NAME_RULES as readonly string[]).includes(rule);

const isWaived = (finding: Finding, { waive = [] }: Resolution): boolean =>
  !isNamed(finding) || (finding.fingerprint !== undefined && waive.includes(finding.fingerprint));

/** What `continue` may waive: the blocking findings of the escalated attempt whose rules are waivable. */
function waivableFindings(state: RunState, plan: RunPlan, open: OpenEscalation, at: string): readonly Finding[] {
  if (!ABOUT_FINDINGS.includes(open.trigger)) return [];
  const attempt = open.gate === null ? null : (gateState(state, open.gate)?.current ?? null);
  if (attempt === null || attempt.status !== 'finished') return [];
  const expired = expiredWaivers(attempt, at);
  return attempt.findings
    .filter(({ rule, blocking }) => blocking && isWaivable(rule, plan.waivable, rulesVersionOf(plan)))
    .filter(({ id }) => !attempt.waived.includes(id) || expired.includes(id));
}

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

/** What decides who may cancel a run: its plan, or its policy. */
export type CancellationPlan = Pick<RunPlan, 'integrators' | 'cancellation'>;

/** Who may cancel a run: its developer and the integrators, unless the policy says otherwise. */
export function cancellers({ integrators, cancellation }: CancellationPlan, developer: string): readonly string[] {
  const starter = cancellation?.developer === 'refused' ? [] : [developer];
  return [...new Set([...starter, ...(cancellation?.principals ?? integrators)])];
}
