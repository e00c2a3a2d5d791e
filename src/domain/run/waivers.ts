import type { Resolution } from '../../contracts/run/decisions.js';
import type { RunPlan } from '../../contracts/run/run-plan.js';
import { CLOCK_TOLERANCE_MS } from '../judge/authority.js';
import { type Refusal, refuse } from './refusals.js';
import type { AttemptState } from './run-state.js';

/**
 * Whether a waiver ends when it may: after now, and no later than the policy lets a waiver count.
 * @param waived ids of the findings that the resolution waives
 * @param at when the resolution is judged, as the ledger has it
 */
export function judgeWaiverEnd(
  { waiver_lifetime_ms: limit }: RunPlan,
  { choice, waiver_expires_at: end }: Resolution,
  waived: readonly string[],
  at: string,
): Refusal | null {
  if (choice !== 'continue' && end !== undefined) return refuse('WAIVER_EXPIRY_INVALID', 'only continue waives');
  // Whether a `continue` waives anything is for the policy to say: an end that is not needed does no harm.
  if (waived.length === 0) return null;
  if (end === undefined) {
    return limit === undefined
      ? null
      : refuse('WAIVER_EXPIRY_INVALID', `the policy asks when it expires: ${days(limit)} from now at the latest`);
  }
  // Written so that an instant that does not exist is refused too.
  if (!(Date.parse(end) > Date.parse(at)))
    return refuse('WAIVER_EXPIRY_INVALID', `it would expire at ${end}, judged ${at}`);
  const latest = Date.parse(at) + (limit ?? Number.POSITIVE_INFINITY) + CLOCK_TOLERANCE_MS;
  return Date.parse(end) <= latest
    ? null
    : refuse('WAIVER_EXPIRY_INVALID', `it would expire at ${end}; the policy allows ${days(limit ?? 0)} at most`);
}

const days = (milliseconds: number): string => `${Math.round(milliseconds / 8_640) / 10_000} days`;

/** Ids of waived findings of an attempt whose waivers have expired. */
export const expiredWaivers = ({ waived_until = {} }: AttemptState, at: string): readonly string[] =>
  Object.entries(waived_until).flatMap(([id, end]) => (Date.parse(end) <= Date.parse(at) ? [id] : []));

/** An attempt once one more resolution has waived findings of it: the latest waiver of a finding is the one that counts. */
export function withWaived(
  { waived_until = {}, ...attempt }: AttemptState,
  waived: readonly string[],
  end: string | undefined,
): AttemptState {
  const added = waived.filter((id) => !attempt.waived.includes(id));
  const kept = Object.entries(waived_until).filter(([id]) => !waived.includes(id));
  const ends = [...kept, ...(end === undefined ? [] : waived.map((id) => [id, end] as const))];
  return {
    ...attempt,
    waived: [...attempt.waived, ...added],
    ...(ends.length === 0 ? {} : { waived_until: Object.fromEntries(ends) }),
  };
}
