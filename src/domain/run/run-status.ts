import { ALWAYS_WAIVABLE_RULES, GATES, type ResolutionChoice } from '../../contracts/names.js';
import type { HeldClaim } from '../../contracts/run/gate-claim.js';
import type { LedgerHead } from '../../contracts/run/ledger.js';
import { rulesVersionOf } from '../../contracts/run/rules-version.js';
import type { GovernedRunInput, RunPlan } from '../../contracts/run/run-plan.js';
import type { AwaitedDecision, AwaitedResolution, GateStatus, RunStatus } from '../../contracts/run/run-status.js';
import { canBeWaivedThrough } from '../../rules/waivable.js';
import { canContinue } from '../judge/judge-answers.js';
import { runSpending } from './budget.js';
import { defaultReworkTarget } from './next-step.js';
import {
  type AttemptState,
  approvalsNeeded,
  currentGate,
  effectiveVerdict,
  findingsToAcknowledge,
  type GateState,
  gateState,
  type OpenEscalation,
  type RunState,
} from './run-state.js';

/**
 * A run as people and programs look at it. `input` answers for a run that is not open yet, `refusalsCounted` are those
 * that the ledger does not have one by one, `claim` is that on a gate that is done elsewhere.
 */
export function describeRun(
  state: RunState,
  input: GovernedRunInput,
  ledger: LedgerHead,
  runRecordSha256: string | null,
  refusalsCounted = 0,
  claim: HeldClaim | null = null,
): RunStatus {
  const budgets = runSpending(state);
  return {
    run_id: input.run_id,
    phase: state.phase,
    outcome: state.outcome,
    outcome_reason: state.outcome_reason,
    cancellation: state.cancellation ?? null,
    developer: input.developer,
    target_repo: input.target_repo,
    base_commit: input.base_commit,
    policy_sha256: input.policy_sha256,
    authentication: state.plan?.authentication ?? null,
    self_approval: state.plan?.self_approval ?? null,
    integrators: state.plan?.integrators ?? [],
    gates: state.gates.map((gate) => describeGate(gate, state, claim)),
    awaiting: awaited(state),
    ...(budgets === null ? {} : { budgets }),
    escalations_raised: state.escalations_raised,
    refusals: state.refusals + refusalsCounted,
    ledger: { entries: ledger.entries, hash: ledger.hash },
    run_record_sha256: runRecordSha256,
  };
}

function describeGate(
  { gate, attempts, current, request }: GateState,
  { escalations, plan }: RunState,
  claim: HeldClaim | null,
): GateStatus {
  const escalated = escalations.length > 0;
  const since = current?.status === 'running' ? current.handed_off?.at : undefined;
  const finished = request !== null ? 'awaiting_decision' : escalated ? 'held' : 'waiting';
  const state =
    current === null
      ? 'waiting'
      : current.status === 'running' || current.status === 'passed'
        ? current.status
        : current.status === 'interrupted'
          ? 'held'
          : finished;
  return {
    gate,
    title: GATES[gate].title,
    state,
    attempt: attempts,
    verdict: current?.verdict ?? null,
    reason: current?.reason ?? null,
    output_sha256: current?.output_sha256 ?? null,
    findings: current?.findings ?? [],
    findings_omitted: current?.findings_omitted ?? 0,
    waived: current?.waived ?? [],
    ...(since === undefined ? {} : { handed_off: { to: plan?.principals[GATES[gate].role] ?? '', since, claim } }),
    ...(current?.sandbox === undefined ? {} : { sandbox: current.sandbox }),
  };
}

/** Everything that waits for a person: open escalations first, since nothing moves while one is open. */
export function awaited(state: RunState): (AwaitedDecision | AwaitedResolution)[] {
  if (state.phase !== 'open') return [];
  const resolutions = state.escalations.map(
    (open): AwaitedResolution => ({
      kind: 'resolution',
      request_id: open.request_id,
      escalation_id: open.escalation_id,
      gate: open.gate,
      trigger: open.trigger,
      raised_by: open.raised_by,
      report_sha256: open.report_sha256,
      report: open.report,
      issue: open.report.issue,
      recommendation: open.report.recommendation,
      ...(state.plan === null ? {} : { choices: resolutionChoices(state, state.plan, open) }),
      since: open.opened_at,
    }),
  );
  const decisions = state.gates.flatMap((standing): AwaitedDecision[] => {
    const { gate, current, request } = standing;
    if (request === null || current?.output_sha256 == null) return [];
    return [
      {
        kind: 'decision',
        request_id: request.request_id,
        gate,
        attempt: current.attempt,
        output_sha256: current.output_sha256,
        since: request.opened_at,
        approvals_needed: approvalsNeeded(state, standing),
        approved_by: request.approved_by,
        approvable: effectiveVerdict(current) === 'pass',
        rejects_to: defaultReworkTarget(state, gate),
        to_acknowledge: findingsToAcknowledge(current).map(({ id }) => id),
      },
    ];
  });
  return [...resolutions, ...decisions];
}

const GOES_ON_FIRST = ['continue', 'retry', 'rework', 'abort'] as const;
/** A waiver is the exception: whoever resolves sees first what settles the finding. */
const WAIVES_LAST = ['retry', 'rework', 'continue', 'abort'] as const;
const NOTHING_TO_GO_ON_WITH = ['retry', 'rework', 'abort'] as const;

/** The findings that an attempt fails by, where nothing is waived yet. */
function failingFindings(attempt: AttemptState | null) {
  if (attempt === null || attempt.status !== 'finished' || effectiveVerdict(attempt) !== 'fail') return null;
  return attempt.findings.filter(({ blocking, id }) => blocking && !attempt.waived.includes(id));
}

/**
 * The resolutions that lead somewhere, in the order in which a person should consider them. To continue with an attempt
 * that fails by what cannot be waived closes the escalation and leaves a gate that can only be rejected.
 */
function resolutionChoices(state: RunState, plan: RunPlan, open: OpenEscalation): readonly ResolutionChoice[] {
  const attempt = open.gate === null ? null : (gateState(state, open.gate)?.current ?? null);
  const interrupted = currentGate(state)?.current?.status === 'interrupted';
  if (!canContinue({ trigger: open.trigger, interrupted })) return NOTHING_TO_GO_ON_WITH;
  const failing = failingFindings(attempt);
  if (attempt === null || failing === null) return GOES_ON_FIRST;
  const passes = attempt.blocking_omitted === 0 && canBeWaivedThrough(failing, plan.waivable, rulesVersionOf(plan));
  if (!passes) return NOTHING_TO_GO_ON_WITH;
  const ordinary = failing.every(({ rule }) => (ALWAYS_WAIVABLE_RULES as readonly string[]).includes(rule));
  return ordinary ? GOES_ON_FIRST : WAIVES_LAST;
}
