import { wellFormed } from '../../contracts/json.js';
import { GATES } from '../../contracts/names.js';
import type { PersonEscalation } from '../../contracts/run/decisions.js';
import type { LedgerEvent, LedgerEventOf } from '../../contracts/run/ledger.js';
import { hasJournal, rulesVersionOf } from '../../contracts/run/rules-version.js';
import type { RunPlan } from '../../contracts/run/run-plan.js';
import { PREDICATES } from '../attest/statement.js';
import { authenticate, bareClaims, claimsOf, type Signed } from '../judge/authenticate.js';
import { EPOCH, judgeTimes } from '../judge/authority.js';
import { judgeAttestation } from '../judge/gate-result.js';
import { judgeCancellation, judgeDecision, judgeResolution } from '../judge/judge-answers.js';
import {
  readCancellation,
  readDecision,
  readEscalation,
  readResolution,
  rejectUnknownMessage,
} from '../judge/read-message.js';
import { budgetReport, withAttemptSpent } from './budget.js';
import type { Command, DecideContext, Decided, MessageKind } from './commands.js';
import { dueEvents } from './deadlines.js';
import { countedEscalationId, hasRoom, openEscalation, openFork } from './escalations.js';
import { evolve } from './evolve.js';
import { closedAsApproved, nextConsequence, nextStep } from './next-step.js';
import {
  isRefusal,
  MAX_REFUSALS_IN_FULL,
  MAX_SIGNED_REFUSALS_IN_FULL,
  type Refusal,
  refuse,
  refusedEvent,
  refusedMessage,
} from './refusals.js';
import { currentGate, gateState, type RunState } from './run-state.js';

/**
 * Turns a command into the ledger's events. Pure and total: whatever arrives, it answers and never throws. A command
 * that does not fit the state gives no event; a person's message that does not count gives a refusal.
 */
export function decide(state: RunState, command: Command, context: DecideContext): Decided {
  if (command.type === 'message') return decideMessage(state, command.kind, command.content, context);
  const events = withConsequences(state, decideCommand(state, command, context.at), context);
  return { events, answer: { accepted: true, reason: null, message: '' }, uncounted: null };
}

function decideCommand(
  state: RunState,
  command: Exclude<Command, { type: 'message' }>,
  at: string,
): readonly LedgerEvent[] {
  if (state.phase === 'closed') return [];
  switch (command.type) {
    case 'open':
      if (state.phase !== 'new') return [];
      return [{ type: 'runOpened', run: command.run, workflow: command.workflow, plan: command.plan }];
    case 'failToOpen': {
      const { run, workflow, code, message } = command;
      return state.phase === 'new'
        ? [{ type: 'openingFailed', run, workflow, code, message: message.slice(0, 2_000) }, closed('failed', code)]
        : [];
    }
    case 'startGate': {
      const step = nextStep(state);
      const fits = step.kind === 'executeGate' && step.gate === command.gate && step.attempt === command.attempt;
      return fits ? [{ type: 'gateStarted', gate: step.gate, attempt: step.attempt, principal: step.principal }] : [];
    }
    case 'finishGate':
      return isRunning(state, command) ? finishGate(state, command, at) : [];
    case 'handOffGate':
      return isRunning(state, command) && gateState(state, command.gate)?.current?.handed_off === undefined
        ? [{ type: 'gateHandedOff', gate: command.gate, attempt: command.attempt }]
        : [];
    case 'interruptGate':
      return isRunning(state, command) ? interruptGate(state, command) : [];
    case 'fork':
      return openFork(state, command);
    case 'close':
      return nextStep(state).kind === 'close' ? [closedAsApproved()] : [];
    case 'clock':
      return state.plan === null ? [] : dueEvents(state, state.plan, at);
    case 'cancel':
      return state.phase === 'open' ? [cancelledThroughTemporal(command.unmarked)] : [];
  }
}

const closed = (outcome: LedgerEventOf<'runClosed'>['outcome'], reason: string): LedgerEventOf<'runClosed'> => ({
  type: 'runClosed',
  outcome,
  reason,
  refusals_counted: {},
});

/** The reason is the engine's own: Temporal does not say who cancelled, or why. */
function cancelledThroughTemporal(unmarked: true | undefined): LedgerEvent {
  const event = closed('cancelled', 'cancelled through Temporal');
  return unmarked ? event : { ...event, through: 'temporal' };
}

const isRunning = (
  state: RunState,
  { gate, attempt }: Pick<LedgerEventOf<'gateStarted'>, 'gate' | 'attempt'>,
): boolean => {
  const current = gateState(state, gate)?.current;
  return current?.status === 'running' && current.attempt === attempt;
};

function finishGate(state: RunState, command: Extract<Command, { type: 'finishGate' }>, at: string): LedgerEvent[] {
  const { gate, attempt } = command;
  if (state.plan === null) return [];
  const judged = judgeAttestation(state, state.plan, command, at);
  if (!judged.ok) {
    const message = `The result of ${gate} does not count: ${judged.problem}.`;
    return interruptGate(state, { type: 'interruptGate', gate, attempt, code: 'ATTESTATION_INVALID', message });
  }
  const { outcome: result, attestation } = judged;
  const finished: LedgerEvent = {
    type: 'gateFinished',
    gate,
    attempt,
    verdict: result.verdict,
    reason: result.reason,
    output_sha256: result.output_sha256,
    findings: [...result.findings],
    findings_omitted: result.findings_omitted,
    attestation,
    blocking_omitted: result.blocking_omitted,
    severe_omitted: result.severe_omitted,
    ...(result.sandbox === undefined ? {} : { sandbox: result.sandbox }),
    ...(result.spent === undefined ? {} : { spent: result.spent }),
  };
  if (result.escalation === null) return [finished];
  const principal = state.plan.principals[GATES[gate].role];
  const raisedBy = result.escalation.trigger === 'executor' ? principal : 'engine';
  return [finished, openEscalation(state, { gate, attempt, raised_by: raisedBy, report: result.escalation })];
}

/** Codes for a party that the policy does not allow, in contrast to something that is broken. */
const TRUST_CODES = [
  'POLICY_NOT_TRUSTED',
  'POLICY_NOT_FOR_REPOSITORY',
  'PACK_NOT_TRUSTED',
  'PRINCIPAL_NOT_BOUND',
  'DUTIES_CLASH',
  'ATTESTATION_INVALID',
  'STEP_NOT_DUE',
  'FORK',
];

/** Characters of an error code: a worker can give any text as one. */
const MAX_CODE = 100;

function interruptGate(
  state: RunState,
  { gate, attempt, code, message, spent, logs = [] }: Extract<Command, { type: 'interruptGate' }>,
): LedgerEvent[] {
  const interrupted: LedgerEventOf<'gateInterrupted'> = {
    ...{ type: 'gateInterrupted', gate, attempt, code: code.slice(0, MAX_CODE), message: message.slice(0, 2_000) },
    // Runs without budgets keep no account.
    ...(spent === undefined || state.plan?.budgets === undefined ? {} : { spent }),
    ...(logs.length === 0 ? {} : { logs: [...logs] }),
  };
  const breach =
    code === 'EXECUTOR_OUT_OF_BUDGET' ? budgetReport(withAttemptSpent(state, gate, spent), gate, 'start') : null;
  if (breach !== null)
    return [interrupted, openEscalation(state, { gate, attempt, raised_by: 'engine', report: breach })];
  const trust = TRUST_CODES.includes(code);
  const report = {
    trigger: trust ? ('trust' as const) : ('infrastructure' as const),
    issue: `${gate} could not be carried out: ${code.slice(0, MAX_CODE)}.`,
    impact: 'The gate gave no output; the run stands still until an integrator decides.',
    context: message.slice(0, 2_000),
    options: ['retry: once the cause is gone', 'rework: go back to an earlier gate', 'abort: end the run'],
    recommendation: 'Remove the cause that the context names, then retry.',
    security_sensitive: trust,
  };
  return [interrupted, openEscalation(state, { gate, attempt, raised_by: 'engine', report })];
}

function decideMessage(state: RunState, kind: MessageKind, content: unknown, context: DecideContext): Decided {
  const judged = judgeMessage(state, kind, content, context.at);
  if (!isRefusal(judged)) {
    const events = withConsequences(state, judged, context);
    return { events, answer: { accepted: true, reason: null, message: 'counted' }, uncounted: null };
  }
  const answer = { accepted: false, reason: judged.reason, message: judged.message };
  // A closed ledger takes no more entries, and a flood must not grow it.
  const refusal = hasJournal(state.plan) ? judged : { ...judged, envelope: undefined };
  const limit = refusal.envelope === undefined ? MAX_REFUSALS_IN_FULL : MAX_SIGNED_REFUSALS_IN_FULL;
  if (state.phase === 'closed') return { events: [], answer, uncounted: null };
  // Runs of before rules version 2 recorded no claims of signed messages; replayed, they must give the same entries.
  const claims = state.plan !== null && rulesVersionOf(state.plan) >= 2 ? claimsOf(content) : bareClaims(content);
  const event = refusedEvent(ledgerKind(kind), refusal, claims);
  const { message_sha256 } = event;
  // The same signed message again is recorded already: repeating it must not fill the room of others.
  const again =
    message_sha256 !== undefined && state.refused_messages.includes(refusedMessage(event.kind, message_sha256));
  if (again) return { events: [], answer, uncounted: null };
  return state.refusals >= limit
    ? { events: [], answer, uncounted: judged.reason }
    : { events: [event], answer, uncounted: null };
}

/** What a signed message of each kind must state. */
const PREDICATE_OF: Readonly<Record<Exclude<MessageKind, 'signal'>, string>> = {
  approve: PREDICATES.gateDecision,
  reject: PREDICATES.gateDecision,
  decision: PREDICATES.gateDecision,
  resolution: PREDICATES.escalationResolution,
  escalation: PREDICATES.escalation,
  cancellation: PREDICATES.runCancellation,
};

const ledgerKind = (kind: MessageKind): LedgerEventOf<'refused'>['kind'] =>
  kind === 'approve' || kind === 'reject' ? 'decision' : kind;

function judgeMessage(
  state: RunState,
  kind: MessageKind,
  content: unknown,
  at: string,
): readonly LedgerEvent[] | Refusal {
  if (state.phase === 'closed') return refuse('RUN_CLOSED');
  if (kind === 'signal') return rejectUnknownMessage(content);
  const { plan } = state;
  if (plan === null) return refuse('REQUEST_NOT_STANDING', 'the run is not open yet');
  const authenticated = authenticate(plan, content, PREDICATE_OF[kind], at);
  if (isRefusal(authenticated)) return authenticated;
  const judged = judgeAuthenticated(state, plan, kind, { ...authenticated, at });
  // A message that was sent as another kind, or through the wrong signal, is no judgement on the message itself.
  if (!isRefusal(judged) || authenticated.envelope === null || judged.reason === 'MALFORMED') return judged;
  return { ...judged, envelope: authenticated.envelope };
}

function judgeAuthenticated(
  state: RunState,
  plan: RunPlan,
  kind: Exclude<MessageKind, 'signal'>,
  signed: Signed & { readonly content: unknown },
): readonly LedgerEvent[] | Refusal {
  switch (kind) {
    case 'approve':
    case 'reject':
    case 'decision': {
      const decision = readDecision(signed.content, kind === 'decision' ? undefined : kind);
      return isRefusal(decision) ? decision : judgeDecision(state, plan, decision, signed);
    }
    case 'resolution': {
      const resolution = readResolution(signed.content);
      return isRefusal(resolution) ? resolution : judgeResolution(state, plan, resolution, signed);
    }
    case 'escalation': {
      const escalation = readEscalation(signed.content);
      return isRefusal(escalation) ? escalation : judgeEscalation(state, plan, escalation, signed);
    }
    case 'cancellation': {
      const cancellation = readCancellation(signed.content);
      return isRefusal(cancellation) ? cancellation : judgeCancellation(state, plan, cancellation, signed);
    }
  }
}

/**
 * Every principal may stop a run, and without a signature anybody may: stopping is the safe direction, so there the actor
 * is recorded as a claim and not judged. Where the policy asks for signatures the unsigned stop is a hold.
 */
function judgeEscalation(
  state: RunState,
  plan: RunPlan,
  escalation: PersonEscalation,
  { envelope, signer, at }: Signed,
): readonly LedgerEvent[] | Refusal {
  const trigger = signer === null && plan.authentication === 'required' ? 'hold' : 'person';
  // Version 1 had no holds.
  if (trigger === 'hold' && rulesVersionOf(plan) < 2) return refuse('SIGNATURE_MISSING');
  if (signer !== null && escalation.actor !== signer) return refuse('SIGNER_MISMATCH', `signed by ${signer}`);
  if (escalation.run_id !== undefined && escalation.run_id !== state.run?.run_id) return refuse('RUN_MISMATCH');
  if (envelope !== null) {
    if (escalation.run_id === undefined) return refuse('MALFORMED', 'run_id: missing');
    const untimely = judgeTimes(escalation, EPOCH, at);
    if (untimely !== null) return untimely;
  }
  const id = escalation.decision_id ?? null;
  if (id !== null && state.decision_ids.includes(countedEscalationId(id, trigger))) {
    return refuse('DECISION_ALREADY_COUNTED', id);
  }
  if (!hasRoom(state, trigger)) return refuse('TOO_MANY_ESCALATIONS');
  const gate = currentGate(state);
  return [
    openEscalation(state, {
      gate: gate?.gate ?? null,
      attempt: gate?.current?.attempt ?? 0,
      raised_by: escalation.actor ?? 'unknown',
      decision_id: id,
      envelope,
      report: {
        trigger,
        issue: escalation.issue?.trim() || 'The run was stopped without a stated reason.',
        impact: escalation.impact ?? '',
        context: escalation.context ?? '',
        options: escalation.options ?? [],
        recommendation: escalation.recommendation ?? '',
        security_sensitive: escalation.security_sensitive ?? false,
      },
    }),
  ];
}

/** Adds what follows by itself, and gives a closing event the refusals that were only counted. */
function withConsequences(
  state: RunState,
  first: readonly LedgerEvent[],
  { at, refusals_counted }: DecideContext,
): LedgerEvent[] {
  const events: LedgerEvent[] = [];
  let reached = state;
  const take = (event: LedgerEvent) => {
    const complete = wellFormed(
      event.type === 'runClosed' ? { ...event, refusals_counted: { ...refusals_counted } } : event,
    );
    events.push(complete);
    reached = evolve(reached, { ...complete, at });
  };
  for (const event of first) take(event);
  for (let event = nextConsequence(reached, at); event !== null; event = nextConsequence(reached, at)) take(event);
  return events;
}
