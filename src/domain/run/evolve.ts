import { canonicalSha256 } from '../../contracts/json.js';
import { type GateId, gateIndex, handOffId } from '../../contracts/names.js';
import type { Feedback, LedgerEvent, LedgerEventOf } from '../../contracts/run/ledger.js';
import { hasJournal } from '../../contracts/run/rules-version.js';
import { withAttemptSpent, withGrant, withSpent } from './budget.js';
import { recordedCancellation, temporalCancellation } from './cancellation.js';
import { countedEscalationId } from './escalations.js';
import { defaultReworkTarget, isRetry } from './next-step.js';
import { refusedMessage } from './refusals.js';
import {
  type AttemptState,
  currentGate,
  type GateState,
  type OpenEscalation,
  type PendingRequest,
  type PendingRework,
  type RunState,
} from './run-state.js';
import { withWaived } from './waivers.js';

/** Feedback that a gate carries along: enough to learn from, small enough for history. */
const MAX_FEEDBACK = 5;

/** When an event happened, and its place in the ledger once it has one. */
interface Placed {
  readonly at: string;
  readonly seq?: number;
  readonly hash?: string;
}

/** Folds one event into the state. Total: it never throws, whatever the order of events. */
export function evolve(state: RunState, event: LedgerEvent & Placed): RunState {
  switch (event.type) {
    case 'runOpened':
      return {
        ...state,
        phase: 'open',
        run: event.run,
        workflow: event.workflow,
        plan: event.plan,
        gates: event.run.gates.map((gate) => ({
          gate,
          attempts: 0,
          current: null,
          puts: 0,
          request: null,
          feedback: [],
        })),
      };
    case 'openingFailed':
      return { ...state, run: event.run, workflow: event.workflow };
    case 'gateStarted':
      return withGate(withSpent(state, event.gate, { attempts: 1 }), event.gate, (gate) => ({
        ...gate,
        attempts: event.attempt,
        current: startedAttempt(event, gate.feedback),
        puts: 0,
        request: null,
      }));
    case 'gateHandedOff':
      return withAttempt(state, event, (current) => ({ ...current, handed_off: { at: event.at, reminded: false } }));
    case 'gateFinished':
      return withAttempt(withAttemptSpent(state, event.gate, event.spent), event, (current) => ({
        ...current,
        status: 'finished',
        verdict: event.verdict,
        reason: event.reason,
        output_sha256: event.output_sha256,
        findings: event.findings,
        findings_omitted: event.findings_omitted,
        blocking_omitted: event.blocking_omitted,
        severe_omitted: event.severe_omitted,
        ...(event.sandbox === undefined ? {} : { sandbox: event.sandbox }),
      }));
    case 'gateInterrupted':
      return withAttempt(withAttemptSpent(state, event.gate, event.spent), event, (current) => ({
        ...current,
        status: 'interrupted',
        reason: event.message,
      }));
    case 'decisionRequested':
      return withGate(state, event.gate, (gate) => ({
        ...gate,
        puts: gate.puts + 1,
        request: { request_id: event.request_id, opened_at: event.at, reminded: false, approved_by: [] },
      }));
    case 'decisionCounted':
      return countDecision(state, event);
    case 'gatePassed':
      return withGate(
        withAttempt(state, event, (current) => ({ ...current, status: 'passed' })),
        event.gate,
        (gate) => ({ ...gate, request: null }),
      );
    case 'gateSentBack':
      return sendBack(state, event);
    case 'escalationOpened':
      return {
        ...state,
        escalations_raised: state.escalations_raised + 1,
        decision_ids:
          event.decision_id === null
            ? state.decision_ids
            : [...state.decision_ids, countedEscalationId(event.decision_id, event.report.trigger)],
        escalations: [
          ...state.escalations,
          {
            escalation_id: event.escalation_id,
            request_id: event.request_id,
            gate: event.gate,
            trigger: event.report.trigger,
            raised_by: event.raised_by,
            report_sha256: canonicalSha256(event.report),
            report: event.report,
            opened_at: event.at,
            reminded: false,
            fork_entries: event.report.fork?.journal_entries ?? null,
          },
        ],
      };
    case 'escalationResolved':
      return closeEscalation(state, event);
    case 'cancellationCounted': {
      const { at, cancellation, envelope } = event;
      return {
        ...state,
        decision_ids: [...state.decision_ids, cancellation.decision_id],
        cancellation: recordedCancellation({ at, cancellation, envelope }),
      };
    }
    case 'refused':
      return {
        ...state,
        refusals: state.refusals + 1,
        refused_messages:
          event.message_sha256 === undefined
            ? state.refused_messages
            : [...state.refused_messages, refusedMessage(event.kind, event.message_sha256)],
      };
    case 'reminded':
      return markReminded(state, event.request_id);
    case 'runClosed':
      return {
        ...state,
        phase: 'closed',
        outcome: event.outcome,
        outcome_reason: event.reason,
        ...(event.through === undefined ? {} : { cancellation: temporalCancellation(event) }),
      };
  }
}

const startedAttempt = (
  { attempt, hash, seq }: LedgerEventOf<'gateStarted'> & Placed,
  feedback: readonly Feedback[],
): AttemptState => ({
  attempt,
  status: 'running',
  nonce: hash ?? null,
  started_entries: seq === undefined ? null : seq + 1,
  feedback,
  feedback_sha256: canonicalSha256(feedback),
  verdict: null,
  reason: null,
  output_sha256: null,
  findings: [],
  findings_omitted: 0,
  blocking_omitted: 0,
  severe_omitted: 0,
  waived: [],
});

function withGate(state: RunState, id: GateId, change: (gate: GateState) => GateState): RunState {
  return { ...state, gates: state.gates.map((gate) => (gate.gate === id ? change(gate) : gate)) };
}

function withAttempt(
  state: RunState,
  { gate, attempt }: { readonly gate: GateId; readonly attempt: number },
  change: (current: AttemptState) => AttemptState,
): RunState {
  return withGate(state, gate, (found) =>
    found.current?.attempt === attempt ? { ...found, current: change(found.current) } : found,
  );
}

function countDecision(state: RunState, { decision }: LedgerEventOf<'decisionCounted'>): RunState {
  const counted = { ...state, decision_ids: [...state.decision_ids, decision.decision_id] };
  if (decision.choice === 'approve') {
    return withGate(counted, decision.gate, (gate) =>
      gate.request === null
        ? gate
        : { ...gate, request: { ...gate.request, approved_by: [...gate.request.approved_by, decision.actor] } },
    );
  }
  const answered = withGate(counted, decision.gate, (gate) => ({ ...gate, request: null }));
  if (decision.final === true) return { ...answered, rejected: decision.reason ?? '' };
  const feedback: Feedback = {
    kind: 'rejection',
    from_gate: decision.gate,
    by: decision.actor,
    text: decision.reason ?? '',
  };
  const target = decision.to_gate ?? defaultReworkTarget(state, decision.gate);
  return {
    ...answered,
    ...(isRetry(state, decision) ? { retries: (state.retries ?? 0) + 1 } : { rounds: state.rounds + 1 }),
    rework: earliest(state.rework, { to_gate: target, feedback: [feedback] }),
  };
}

/** The earliest target wins; what was said for either is kept. */
function earliest(pending: PendingRework | null, wanted: PendingRework): PendingRework {
  if (pending === null) return wanted;
  const to_gate = gateIndex(wanted.to_gate) < gateIndex(pending.to_gate) ? wanted.to_gate : pending.to_gate;
  return { to_gate, feedback: [...pending.feedback, ...wanted.feedback] };
}

function sendBack(state: RunState, { to_gate, feedback }: LedgerEventOf<'gateSentBack'>): RunState {
  return {
    ...state,
    rework: null,
    gates: state.gates.map((gate) => {
      if (gateIndex(gate.gate) < gateIndex(to_gate)) return gate;
      // What was said about an output that is void says nothing about the next one; only the target keeps its lessons.
      const kept = gate.gate === to_gate ? [...gate.feedback, ...feedback].slice(-MAX_FEEDBACK) : [];
      return { ...gate, current: null, puts: 0, request: null, feedback: kept };
    }),
  };
}

function closeEscalation(
  state: RunState,
  event: LedgerEventOf<'escalationResolved'> & { readonly at: string },
): RunState {
  const { resolution, waived } = event;
  const closed = state.escalations.find(({ escalation_id }) => escalation_id === resolution.escalation_id);
  const escalations = state.escalations.filter((open) => open !== closed);
  const about = closed?.gate ?? currentGate(state)?.gate;
  const grants = closed?.trigger === 'budget' && resolution.choice !== 'abort' && about !== undefined;
  const granted = grants ? withGrant(state, about) : state;
  const next: RunState = {
    ...(closed?.trigger === 'deadline' ? withReminded(granted, () => false) : granted),
    escalations,
    decision_ids: [...state.decision_ids, resolution.decision_id],
    fork_accepted: resolution.choice === 'abort' ? state.fork_accepted : (closed?.fork_entries ?? state.fork_accepted),
    resumed_at: escalations.length === 0 ? event.at : state.resumed_at,
  };
  // Behind the last gate nothing is current; what goes back from there goes back from the last one.
  const last = hasJournal(state.plan) && resolution.choice !== 'continue' ? state.gates.at(-1)?.gate : undefined;
  const gate = closed?.gate ?? currentGate(state)?.gate ?? last;
  if (closed === undefined || gate === undefined) return next;
  const feedback: Feedback[] =
    resolution.guidance === undefined
      ? []
      : [{ kind: 'guidance', from_gate: gate, by: resolution.actor, text: resolution.guidance }];
  switch (resolution.choice) {
    case 'retry':
      return { ...next, rework: earliest(state.rework, { to_gate: gate, feedback }) };
    case 'rework':
      return { ...next, rework: earliest(state.rework, { to_gate: resolution.to_gate ?? gate, feedback }) };
    case 'continue': {
      // A send-back that waits carries the guidance along; left at a gate that it voids, it would be lost.
      const rework =
        state.rework === null ? null : { ...state.rework, feedback: [...state.rework.feedback, ...feedback] };
      const kept = rework === null ? feedback : [];
      return withGate({ ...next, rework }, gate, (found) => ({
        ...found,
        feedback: [...found.feedback, ...kept].slice(-MAX_FEEDBACK),
        request: shouldReopenRequest(closed, waived, found.request) ? null : found.request,
        current: found.current === null ? null : withWaived(found.current, waived, resolution.waiver_expires_at),
      }));
    }
    case 'abort':
      return next;
  }
}

/** What is decided on has changed, or the deadline passed without an approval. An approval that came late still counts. */
const shouldReopenRequest = (
  closed: OpenEscalation,
  waived: readonly string[],
  request: PendingRequest | null,
): boolean => waived.length > 0 || (closed.trigger === 'deadline' && request?.approved_by.length === 0);

function markReminded(state: RunState, requestId: string): RunState {
  return {
    ...state,
    escalations: state.escalations.map((open) => (open.request_id === requestId ? { ...open, reminded: true } : open)),
    gates: withReminded(state, (id, before) => before || id === requestId).gates.map((gate) =>
      gate.request?.request_id === requestId ? { ...gate, request: { ...gate.request, reminded: true } } : gate,
    ),
  };
}

/** Says anew of the attempt that is done elsewhere whether a reminder of it was sent. */
function withReminded(state: RunState, reminded: (id: string, before: boolean) => boolean): RunState {
  return {
    ...state,
    gates: state.gates.map((gate) => {
      const { current } = gate;
      if (current?.status !== 'running' || current.handed_off === undefined) return gate;
      const { handed_off } = current;
      const sent = reminded(handOffId(gate.gate, current.attempt), handed_off.reminded);
      return { ...gate, current: { ...current, handed_off: { ...handed_off, reminded: sent } } };
    }),
  };
}
