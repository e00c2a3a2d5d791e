import type { RunPlan } from '../contracts/run-plan.js';
import { type Refusal, refuse } from './refusals.js';
import type { RunState } from './run-state.js';

/** Names are compared without regard to case: `Ada` is not another person than `ada`. */
export const sameName = (one: string, other: string): boolean =>
  one.trim().toLowerCase() === other.trim().toLowerCase();

/**
 * Whether an actor may decide on this run at all. Until decisions are signed the actor is a claim, and the record
 * says so (`authentication: none`).
 */
export function judgeActor(state: RunState, plan: RunPlan, actor: string): Refusal | null {
  if (!plan.known_actors.includes(actor)) return refuse('ACTOR_UNKNOWN', actor);
  if (!plan.integrators.includes(actor)) return refuse('NOT_AN_INTEGRATOR', actor);
  const starter = state.run?.developer ?? '';
  if (sameName(actor, starter) && plan.self_approval !== 'allowed') return refuse('SELF_APPROVAL', actor);
  return null;
}
