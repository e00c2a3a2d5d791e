import { GATES, type GateId, handOffId } from '../../contracts/names.js';
import type { LedgerEvent } from '../../contracts/run/ledger.js';
import type { RunPlan } from '../../contracts/run/run-plan.js';
import { openEscalation } from './escalations.js';
import { currentGate, handedOffGate, type RunState } from './run-state.js';

/** Something that waits for a person, and since when. */
interface Waiting {
  readonly request_id: string;
  /** Milliseconds since the epoch. */
  readonly since: number;
  readonly reminded: boolean;
  /** Whether waiting too long raises a P08: an escalation does not raise another. */
  readonly escalates: boolean;
}

/** What the run waits for: open escalations, else the gate that is done elsewhere, else the pending request. */
function waiting(state: RunState): readonly Waiting[] {
  if (state.phase !== 'open') return [];
  if (state.escalations.length > 0) {
    return state.escalations.map(({ request_id, opened_at, reminded }) => ({
      request_id,
      since: Date.parse(opened_at),
      reminded,
      escalates: false,
    }));
  }
  const resumed = state.resumed_at === null ? 0 : Date.parse(state.resumed_at);
  const elsewhere = handedOffGate(state);
  const handedOff = elsewhere?.current?.handed_off;
  if (elsewhere !== undefined && handedOff !== undefined) {
    return [
      {
        request_id: handOffId(elsewhere.gate, elsewhere.attempts),
        since: Math.max(Date.parse(handedOff.at), resumed),
        reminded: handedOff.reminded,
        escalates: true,
      },
    ];
  }
  const request = currentGate(state)?.request ?? null;
  if (request === null) return [];
  return [
    {
      request_id: request.request_id,
      since: Math.max(Date.parse(request.opened_at), resumed),
      reminded: request.reminded,
      escalates: true,
    },
  ];
}

/** When time itself makes something happen next, in milliseconds since the epoch, or null. */
export function nextDeadline(state: RunState): number | null {
  const plan = state.plan;
  if (plan === null) return null;
  const instants = waiting(state).map(({ since, reminded, escalates }) => {
    if (!reminded) return since + plan.deadlines.remind;
    return since + (escalates ? plan.deadlines.escalate : plan.deadlines.expire);
  });
  return instants.length === 0 ? null : Math.min(...instants);
}

/** What is due at `at`: remind, then escalate, then expire. Nothing is ever approved by a timer. */
export function dueEvents(state: RunState, plan: RunPlan, at: string): readonly LedgerEvent[] {
  const now = Date.parse(at);
  const { remind, escalate, expire } = plan.deadlines;
  const events: LedgerEvent[] = [];
  for (const { request_id, since, reminded, escalates } of waiting(state)) {
    const waited = now - since;
    if (waited >= expire) {
      return [
        ...events,
        {
          type: 'runClosed',
          outcome: 'expired',
          reason: `${request_id} was not answered in time`,
          refusals_counted: {},
        },
      ];
    }
    if (!reminded && waited >= remind) events.push({ type: 'reminded', request_id });
    if (escalates && waited >= escalate) events.push(overdue(state, request_id, waited));
  }
  return events;
}

function overdue(state: RunState, requestId: string, waitedMs: number): LedgerEvent {
  const gate = currentGate(state);
  if (handedOffGate(state) !== undefined) return handOffOverdue(state, requestId, waitedMs);
  return openEscalation(state, {
    gate: gate?.gate ?? null,
    attempt: gate?.current?.attempt ?? 0,
    raised_by: 'engine',
    report: {
      trigger: 'deadline',
      issue: `${requestId} has waited ${Math.round(waitedMs / 3_600_000)} hours for a decision.`,
      impact: 'The run stands still, and expires when nobody answers.',
      context: '',
      options: ['continue: put the request up again', 'rework: go back to an earlier gate', 'abort: end the run'],
      recommendation: 'Continue, and name who decides.',
      security_sensitive: false,
    },
  });
}

function handOffOverdue(state: RunState, id: string, waitedMs: number): LedgerEvent {
  const gate = handedOffGate(state);
  const principal = gate === undefined ? undefined : state.plan?.principals[GATES[gate.gate].role];
  return openEscalation(state, {
    gate: gate?.gate ?? null,
    attempt: gate?.attempts ?? 0,
    raised_by: 'engine',
    report: {
      trigger: 'deadline',
      issue: `${id} was handed off to ${principal}, and has waited ${Math.round(waitedMs / 3_600_000)} hours for its output.`,
      impact: 'The run does not go on without it, and expires when there is no answer to this escalation.',
      context: '',
      options: [
        'continue: wait once more',
        'retry: void the attempt, and have the gate done again',
        'rework: go back to an earlier gate',
        'abort: end the run',
      ],
      recommendation: `Ask ${principal} whether the gate is at work; then continue.`,
      security_sensitive: false,
    },
  });
}

/**
 * Milliseconds after which Temporal takes an attempt of a gate for lost and has it carried out again. P06 runs a check
 * twice where it compares: with the patch, and on the base commit.
 */
export const gateLimitMs = ({ gate_timeout_ms }: Pick<RunPlan, 'gate_timeout_ms'>, gate: GateId): number =>
  gate === 'P06' ? 2 * gate_timeout_ms : gate_timeout_ms;
