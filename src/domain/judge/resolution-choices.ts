import { ALWAYS_WAIVABLE_RULES, type ResolutionChoice } from '../../contracts/names.js';
import { rulesVersionOf } from '../../contracts/run/rules-version.js';
import type { RunPlan } from '../../contracts/run/run-plan.js';
import { canBeWaivedThrough } from '../../rules/waivable.js';
import {
  type AttemptState,
  currentGate,
  effectiveVerdict,
  gateState,
  type OpenEscalation,
  type RunState,
} from '../run/run-state.js';
import { canContinue } from './judge-answers.js';

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
export function resolutionChoices(state: RunState, plan: RunPlan, open: OpenEscalation): readonly ResolutionChoice[] {
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
