import type { Resolution } from '../contracts/decisions.js';
import type { Finding } from '../contracts/findings.js';
import type { LedgerEvent } from '../contracts/ledger.js';
import type { EscalationTrigger } from '../contracts/names.js';
import { NEVER_WAIVABLE_RULES, WAIVED_BY_NAME_RULES } from '../contracts/never-waivable.js';
import { own } from '../contracts/own.js';
import { rulesVersionOf } from '../contracts/rules-version.js';
import type { RunPlan } from '../contracts/run-plan.js';
import type { Signed } from './authenticate.js';
import { judgeActor, judgeTimes } from './authority.js';
import { type Refusal, refuse } from './refusals.js';
import { isReworkTarget } from './rework-target.js';
import { currentGate, gateState, type OpenEscalation, type RunState } from './run-state.js';
import { expiredWaivers, judgeWaiverEnd } from './waiver-end.js';

/** Escalations after which there is no output that the run could go on with. */
const NO_OUTPUT: readonly EscalationTrigger[] = ['executor', 'infrastructure', 'trust'];

/** Escalations that are about an output's findings: to go on with it is to waive them. */
const ABOUT_FINDINGS: readonly EscalationTrigger[] = ['rule_violation', 'critical_finding', 'open_question', 'person'];

/** Judges an answer to an escalation, in the same order as a decision. */
export function judgeResolution(
  state: RunState,
  plan: RunPlan,
  resolution: Resolution,
  { envelope, signer, at }: Signed,
): readonly LedgerEvent[] | Refusal {
  const unauthorised = judgeActor(state, plan, { actor: resolution.actor, signer });
  if (unauthorised !== null) return unauthorised;
  if (resolution.run_id !== state.run?.run_id) return refuse('RUN_MISMATCH', resolution.run_id);
  if (resolution.policy_sha256 !== state.run.policy_sha256) return refuse('POLICY_MISMATCH');

  const open = state.escalations.find(({ escalation_id }) => escalation_id === resolution.escalation_id);
  if (open === undefined || open.request_id !== resolution.request_id) {
    return refuse('REQUEST_NOT_STANDING', resolution.request_id);
  }
  if (resolution.report_sha256 !== undefined && resolution.report_sha256 !== open.report_sha256) {
    return refuse('OUTPUT_MISMATCH', 'the report is another one');
  }
  const untimely = envelope === null ? null : judgeTimes(resolution, open.opened_at, at);
  if (untimely !== null) return untimely;
  if (state.decision_ids.includes(resolution.decision_id)) {
    return refuse('DECISION_ALREADY_COUNTED', resolution.decision_id);
  }
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
  !NO_OUTPUT.includes(open.trigger) && !(open.trigger === 'fork' && open.interrupted);

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

/** What `continue` may waive: the blocking findings of the escalated attempt that the policy calls waivable. */
function waivableFindings(state: RunState, plan: RunPlan, open: OpenEscalation, at: string): readonly Finding[] {
  if (!ABOUT_FINDINGS.includes(open.trigger)) return [];
  const attempt = open.gate === null ? null : (gateState(state, open.gate)?.current ?? null);
  if (attempt === null || attempt.status !== 'finished') return [];
  const expired = expiredWaivers(attempt, at);
  return attempt.findings
    .filter(({ rule, blocking }) => blocking && plan.waivable.includes(rule) && !isNeverWaivable(rule))
    .filter(({ id }) => !attempt.waived.includes(id) || expired.includes(id));
}

const isNeverWaivable = (rule: string): boolean => (NEVER_WAIVABLE_RULES as readonly string[]).includes(rule);
