import { sameJson } from '../../contracts/json.js';
import type { Envelope } from '../../contracts/keys.js';
import type { EscalationReport } from '../../contracts/run/escalation.js';
import type { JournalledMessage } from '../../contracts/run/journal.js';
import type { LedgerEntry, LedgerEvent, LedgerEventOf } from '../../contracts/run/ledger.js';
import { hasJournal } from '../../contracts/run/rules-version.js';
import type { Command } from '../run/commands.js';
import { decide } from '../run/decide.js';
import { evolve } from '../run/evolve.js';
import { MAX_REFUSALS_IN_FULL, MAX_SIGNED_REFUSALS_IN_FULL, refuse } from '../run/refusals.js';
import { INITIAL_STATE, type RunState } from '../run/run-state.js';

/** What a replay shows beside the final state. */
export interface Replay {
  readonly ok: true;
  readonly state: RunState;
}

/** The first entry that is not the one that the rules write. */
export interface ReplayProblem {
  readonly ok: false;
  readonly code:
    | 'FOLD_DIFFERS'
    | 'DECISION_REFUSED'
    | 'RESOLUTION_REFUSED'
    | 'ESCALATION_REFUSED'
    | 'CANCELLATION_REFUSED'
    | 'ATTESTATION_REFUSED';
  readonly seq: number;
  /** A sentence, or the event that was expected in the entry's place. */
  readonly expected: string | LedgerEvent;
  readonly found: unknown;
}

/** What a ledger is replayed with beside its own entries. */
export interface ReplayEvidence {
  /** What the attempt with a record of this digest escalated; undefined where its record is not at hand. */
  escalationOf(outputSha256: string): EscalationReport | null | undefined;
  /** The journal's signed message of a kind and digest, or null. */
  signedMessage(kind: JournalledMessage, sha256: string): Envelope | null;
}

/** What a replay of the first entries led to: it goes on from there. */
export interface ReplayedBefore extends Pick<Replay, 'state'> {
  readonly entries: number;
}

type Entry<T extends LedgerEntry['type']> = LedgerEventOf<T> & LedgerEntry;

/** An entry as it was before it had its place. */
function eventOf({ seq: _seq, at: _at, prev: _prev, hash: _hash, ...event }: LedgerEntry): LedgerEvent {
  return event as LedgerEvent;
}

/**
 * Runs the whole ledger through the domain once more: each command is made again from what it left (people's messages
 * from their envelopes, results from their attestations, the clock from the time), and must lead to exactly the events
 * that follow. So nothing counts that does not count, and nothing follows that does not follow.
 * @param before where to go on from, when the first entries were replayed already
 */
export function replayLedger(
  entries: readonly LedgerEntry[],
  evidence: ReplayEvidence,
  before?: ReplayedBefore,
): Replay | ReplayProblem {
  const counted = countedAtClosing(entries);
  let state = before?.state ?? INITIAL_STATE;
  for (let index = before?.entries ?? 0; index < entries.length; ) {
    const entry = entries[index] as LedgerEntry;
    if (entry.type === 'refused') {
      const problem = refusalProblem(state, entry, evidence);
      if (problem !== null) return problem;
      state = evolve(state, entry);
      index += 1;
      continue;
    }
    const command = commandOf(state, entries, index, evidence);
    if (command === null) return impossible(entry);
    const { events, answer } = decide(state, command, { at: entry.at, refusals_counted: counted });
    if (!answer.accepted) {
      const found = `${answer.reason}: ${answer.message}`;
      return { ok: false, code: refusedCode(entry), seq: entry.seq, expected: 'a message that counts', found };
    }
    if (events.length === 0) return impossible(entry);
    if (lacksSignature(state, entry)) {
      const found = refuse('SIGNATURE_MISSING').message;
      return {
        ok: false,
        code: 'ESCALATION_REFUSED',
        seq: entry.seq,
        expected: 'a signed escalation, or a hold',
        found,
      };
    }
    for (const [offset, expected] of events.entries()) {
      const found = entries[index + offset];
      const problem = difference(expected, found, entry, offset, command);
      if (problem !== null) return problem;
      state = evolve(state, found as LedgerEntry);
    }
    index += events.length;
  }
  return { ok: true, state };
}

/** Where the policy asks for signatures, an unsigned stop is a hold and not a person's own escalation. */
const lacksSignature = ({ plan }: RunState, entry: LedgerEntry): boolean =>
  entry.type === 'escalationOpened' &&
  entry.report.trigger === 'person' &&
  entry.envelope === null &&
  plan?.authentication === 'required';

const impossible = ({ seq, type }: LedgerEntry): ReplayProblem => ({
  ok: false,
  code: 'FOLD_DIFFERS',
  seq,
  expected: 'an event that can happen here',
  found: type,
});

function refusedCode({ type }: LedgerEntry): ReplayProblem['code'] {
  switch (type) {
    case 'decisionCounted':
      return 'DECISION_REFUSED';
    case 'escalationResolved':
      return 'RESOLUTION_REFUSED';
    case 'cancellationCounted':
      return 'CANCELLATION_REFUSED';
    default:
      return 'ESCALATION_REFUSED';
  }
}

function difference(
  expected: LedgerEvent,
  found: LedgerEntry | undefined,
  { at, seq: first }: LedgerEntry,
  offset: number,
  command: Command,
): ReplayProblem | null {
  const seq = first + offset;
  if (expected.type === 'gateInterrupted' && command.type === 'finishGate') {
    const signed = 'a result that its principal signed';
    return { ok: false, code: 'ATTESTATION_REFUSED', seq, expected: signed, found: expected.message };
  }
  const event = found === undefined ? undefined : eventOf(found);
  if (found === undefined || !sameJson(event, expected)) {
    return { ok: false, code: 'FOLD_DIFFERS', seq, expected, found: event };
  }
  return found.at === at
    ? null
    : { ok: false, code: 'FOLD_DIFFERS', seq, expected: `${found.type} at ${at}`, found: found.at };
}

/** The refusals that were only counted; only the last entry of the ledger has them. */
function countedAtClosing(entries: readonly LedgerEntry[]): Entry<'runClosed'>['refusals_counted'] {
  const last = entries.at(-1);
  const counted = last?.type === 'runClosed' ? last.refusals_counted : {};
  // Refusals are counted without an entry only once a hundred are recorded in full.
  const full = entries.filter(({ type }) => type === 'refused').length >= MAX_REFUSALS_IN_FULL;
  return full ? counted : {};
}

/**
 * What is wrong with a refusal. It can only have come while the run was open, in the words of its reason; where the
 * journal has the message, it is judged once more and must be refused for the same reason.
 */
function refusalProblem(state: RunState, entry: Entry<'refused'>, evidence: ReplayEvidence): ReplayProblem | null {
  const { seq, kind, reason, message, message_sha256 } = entry;
  const problem = (expected: string): ReplayProblem => ({
    ok: false,
    code: 'FOLD_DIFFERS',
    seq,
    expected,
    found: message,
  });
  const limit = message_sha256 === undefined ? MAX_REFUSALS_IN_FULL : MAX_SIGNED_REFUSALS_IN_FULL;
  const sentence = refuse(reason).message;
  if (state.phase !== 'open' || state.refusals >= limit) return problem('no refusal here');
  if (message !== sentence && !message.startsWith(`${sentence} (`)) return problem(`a refusal that says: ${sentence}`);
  if (message_sha256 === undefined) return null;
  if (kind === 'signal' || !hasJournal(state.plan)) return problem('no digest of a message');
  const content = evidence.signedMessage(kind, message_sha256);
  if (content === null) return null;
  const { answer } = decide(state, { type: 'message', kind, content }, { at: entry.at, refusals_counted: {} });
  return answer.reason === reason
    ? null
    : problem(answer.accepted ? 'a message that counts' : `a refusal for ${answer.reason}`);
}

/** The command that an entry is the first event of, or null for an event that only follows from others. */
function commandOf(
  state: RunState,
  entries: readonly LedgerEntry[],
  index: number,
  evidence: ReplayEvidence,
): Command | null {
  const entry = entries[index] as LedgerEntry;
  const next = entries[index + 1];
  switch (entry.type) {
    case 'runOpened':
      return { type: 'open', run: entry.run, workflow: entry.workflow, plan: entry.plan };
    case 'openingFailed': {
      const { run, workflow, code, message } = entry;
      return { type: 'failToOpen', run, workflow, code, message };
    }
    case 'gateStarted':
      return { type: 'startGate', gate: entry.gate, attempt: entry.attempt };
    case 'gateHandedOff':
      return { type: 'handOffGate', gate: entry.gate, attempt: entry.attempt };
    case 'gateFinished': {
      const { gate, attempt, type: _type, seq: _seq, at: _at, prev: _prev, hash: _hash, ...result } = entry;
      const { attestation } = result;
      if (attestation !== null && hasJournal(state.plan)) {
        return { type: 'finishGate', gate, attempt, result: { attestation } };
      }
      const known = evidence.escalationOf(entry.output_sha256);
      const escalation = known === undefined ? raisedByResult(entry, next) : known;
      return { type: 'finishGate', gate, attempt, result: { ...result, escalation } };
    }
    case 'gateInterrupted': {
      const { gate, attempt, code, message, spent, logs } = entry;
      if (code === 'FORK' && next?.type === 'escalationOpened' && next.report.trigger === 'fork') {
        return { type: 'fork', report: next.report };
      }
      return { type: 'interruptGate', gate, attempt, code, message, spent, logs };
    }
    case 'decisionCounted':
      return { type: 'message', kind: 'decision', content: entry.envelope ?? entry.decision };
    case 'escalationResolved':
      return { type: 'message', kind: 'resolution', content: entry.envelope ?? entry.resolution };
    case 'cancellationCounted':
      return { type: 'message', kind: 'cancellation', content: entry.envelope ?? entry.cancellation };
    case 'escalationOpened':
      return escalationCommand(entry);
    case 'reminded':
      return { type: 'clock' };
    case 'runClosed':
      return closingCommand(state, entry);
    case 'refused':
    case 'decisionRequested':
    case 'gatePassed':
    case 'gateSentBack':
      return null;
  }
}

/** What an unsigned result escalated, where only the ledger is at hand: the escalation that follows it at once. */
function raisedByResult(finished: Entry<'gateFinished'>, next: LedgerEntry | undefined): EscalationReport | null {
  if (next?.type !== 'escalationOpened' || next.at !== finished.at) return null;
  const ofResult = next.gate === finished.gate && next.attempt === finished.attempt && next.decision_id === null;
  return ofResult && !['person', 'hold', 'deadline', 'fork', 'rework_bound', 'budget'].includes(next.report.trigger)
    ? next.report
    : null;
}

/** Of a person, or of time; those that an executor or a rule raised follow from their gate's result. */
function escalationCommand(entry: Entry<'escalationOpened'>): Command {
  const { report, envelope, decision_id, raised_by } = entry;
  if (report.trigger === 'fork') return { type: 'fork', report };
  if (report.trigger !== 'person' && report.trigger !== 'hold') return { type: 'clock' };
  const { trigger: _trigger, fork: _fork, ...said } = report;
  const unsigned = { ...said, ...(decision_id === null ? {} : { decision_id }), actor: raised_by };
  return { type: 'message', kind: 'escalation', content: envelope ?? unsigned };
}

function closingCommand({ plan }: RunState, { outcome, through }: Entry<'runClosed'>): Command | null {
  if (outcome === 'approved') return hasJournal(plan) ? { type: 'close' } : null;
  if (outcome === 'cancelled') {
    // Only ledgers of version 1 were written before Temporal's own cancellation was marked.
    return through === undefined && !hasJournal(plan) ? { type: 'cancel', unmarked: true } : { type: 'cancel' };
  }
  return outcome === 'expired' ? { type: 'clock' } : null;
}
