import type { EscalationReport } from '../contracts/escalation.js';
import type { Envelope } from '../contracts/keys.js';
import type { LedgerEventOf } from '../contracts/ledger.js';
import { escalationId, type GateId, resolutionRequestId } from '../contracts/names.js';
import type { RunState } from './run-state.js';

/** Escalations that may be open at once, and in a whole run: beyond that a run is not governed but flooded. */
export const MAX_OPEN_ESCALATIONS = 16;
export const MAX_ESCALATIONS = 200;
/** Holds need no key, so they leave room for the escalations of those who have one. */
const SHARE_OF_HOLDS = 0.5;

/** Whether a person's escalation still has room. */
export function hasRoom({ escalations, escalations_raised }: RunState, trigger: 'person' | 'hold'): boolean {
  const share = trigger === 'hold' ? SHARE_OF_HOLDS : 1;
  return escalations.length < MAX_OPEN_ESCALATIONS * share && escalations_raised < MAX_ESCALATIONS * share;
}

export interface RaisedEscalation {
  readonly gate: GateId | null;
  /** 0 when no attempt of a gate is concerned. */
  readonly attempt: number;
  readonly raised_by: string;
  readonly report: EscalationReport;
  /** Of a person's message, so that it counts once. */
  readonly decision_id?: string | null;
  readonly envelope?: Envelope | null;
}

/**
 * The id by which a person's escalation counts once, as the state keeps it. A hold's is kept apart, in characters that no
 * decision id has: a message without a signature must not use up the id of a signed one.
 */
export const countedEscalationId = (id: string, trigger: EscalationReport['trigger']): string =>
  trigger === 'hold' ? `hold/${id}` : id;

/** The event that opens the run's next escalation. `before` counts those that the same command opens before it. */
export function openEscalation(
  state: RunState,
  raised: RaisedEscalation,
  before = 0,
): LedgerEventOf<'escalationOpened'> {
  const id = escalationId(state.escalations_raised + before + 1);
  return {
    type: 'escalationOpened',
    escalation_id: id,
    request_id: resolutionRequestId(id, 1),
    decision_id: null,
    envelope: null,
    ...raised,
  };
}
