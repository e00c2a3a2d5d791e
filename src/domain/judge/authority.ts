import type { RunPlan } from '../../contracts/run/run-plan.js';
import { type Refusal, refuse } from '../run/refusals.js';
import type { RunState } from '../run/run-state.js';

/** The time before which no message was made: for messages that answer no request. */
export const EPOCH = '1970-01-01T00:00:00.000Z';

/** Clocks of people may be off by this much. */
export const CLOCK_TOLERANCE_MS = 5 * 60_000;

/**
 * Whether a signed message was made in its time: not before its request was opened, not in the future, and not expired.
 * @param since when the request was opened
 * @param at when the message is judged; both as the ledger has them
 */
export function judgeTimes(
  message: { readonly decided_at?: string | undefined; readonly expires_at?: string | undefined },
  since: string,
  at: string,
): Refusal | null {
  const { decided_at, expires_at } = message;
  if (decided_at === undefined || expires_at === undefined) {
    return refuse('MALFORMED', 'a signed message has decidedAt and expiresAt');
  }
  const decided = Date.parse(decided_at);
  const early = Date.parse(since) - CLOCK_TOLERANCE_MS;
  const late = Date.parse(at) + CLOCK_TOLERANCE_MS;
  if (!(decided >= early && decided <= late)) {
    return refuse('DECISION_TIME_INVALID', `made ${decided_at}, for a request of ${since}, judged ${at}`);
  }
  return Date.parse(expires_at) > Date.parse(at) ? null : refuse('DECISION_EXPIRED', expires_at);
}

/** Names are compared without regard to case: `Ada` is not another person than `ada`. */
export const sameName = (one: string, other: string): boolean =>
  one.trim().toLowerCase() === other.trim().toLowerCase();

/** Who a message says acts, and whose key signed it; null when it is not signed. */
export interface Acting {
  readonly actor: string;
  readonly signer: string | null;
}

/**
 * Whether an actor may decide on this run at all. Authority comes from the key that signed; what an optional policy
 * lets through unsigned is a claim, and the record marks it.
 */
export function judgeActor(state: RunState, plan: RunPlan, { actor, signer }: Acting): Refusal | null {
  if (signer === null && plan.authentication === 'required') return refuse('SIGNATURE_MISSING');
  if (signer !== null && signer !== actor) return refuse('SIGNER_MISMATCH', `signed by ${signer}, says ${actor}`);
  if (!plan.known_actors.includes(actor)) return refuse('ACTOR_UNKNOWN', actor);
  if (!plan.integrators.includes(actor)) return refuse('NOT_AN_INTEGRATOR', actor);
  const starter = state.run?.developer ?? '';
  if (sameName(actor, starter) && plan.self_approval !== 'allowed') return refuse('SELF_APPROVAL', actor);
  return null;
}
