import type { AttemptRecord } from '../contracts/attempt.js';
import { canonicalJson } from '../contracts/canonical-json.js';
import { REFUSAL_REASONS } from '../contracts/decisions.js';
import type { LedgerEntry, LedgerEventOf } from '../contracts/ledger.js';
import type { GateId } from '../contracts/names.js';
import type { Command } from '../governance/commands.js';
import { decide } from '../governance/decide.js';
import { evolve } from '../governance/evolve.js';
import { nextStep } from '../governance/next-step.js';
import { MAX_REFUSALS_IN_FULL, refuse } from '../governance/refusals.js';
import { INITIAL_STATE, type RunState } from '../governance/run-state.js';
import { firstDifference } from './first-difference.js';
import { type VerifyCode, VerifyFailure } from './verify-codes.js';

/** What a replay shows beside the final state. */
export interface Replay {
  readonly state: RunState;
  /** What each attempt was given of earlier gates, by `P05.2`: digests of their records. */
  readonly inputs: ReadonlyMap<string, Partial<Record<GateId, string>>>;
}

type Entry<T extends LedgerEntry['type']> = LedgerEventOf<T> & LedgerEntry;

/** An entry as it was before it had its place. */
function eventOf({ seq: _seq, at: _at, prev: _prev, hash: _hash, ...event }: LedgerEntry): unknown {
  return event;
}

/**
 * Runs the whole ledger through the domain once more: each command is made again from what it left (people's messages
 * from their envelopes, results from their attempts, the clock from the time), and must lead to exactly the events that
 * stand there. So nothing counts that does not count, and nothing follows that does not follow.
 * @param attempts records of attempts by digest: what they escalated stands there
 * @throws VerifyFailure FOLD_DIFFERS, DECISION_REFUSED, RESOLUTION_REFUSED, ESCALATION_REFUSED, ATTESTATION_REFUSED
 */
export function replayLedger(
  entries: readonly LedgerEntry[],
  attempts: ReadonlyMap<string, AttemptRecord>,
  path: string,
): Replay {
  const inputs = new Map<string, Partial<Record<GateId, string>>>();
  let state = INITIAL_STATE;
  for (let index = 0; index < entries.length; ) {
    const entry = entries[index] as LedgerEntry;
    const place = `${path}:${index + 1}`;
    if (entry.type === 'refused') {
      checkRefusal(state, entry, place);
      state = evolve(state, entry);
      index += 1;
      continue;
    }
    const command = commandOf(entry, attempts);
    if (command === null) throw impossible(entry, place);
    const step = command.type === 'startGate' ? nextStep(state) : null;
    if (step?.kind === 'executeGate') inputs.set(`${step.gate}.${step.attempt}`, step.inputs);
    const { events, answer } = decide(state, command, { at: entry.at, refusals_counted: countedAtClosing(entries) });
    if (!answer.accepted) {
      throw new VerifyFailure(refusedCode(entry), {
        path: place,
        expected: 'a message that counts',
        found: `${answer.reason}: ${answer.message}`,
      });
    }
    if (events.length === 0) throw impossible(entry, place);
    for (const [offset, expected] of events.entries()) {
      const found = entries[index + offset];
      compare(expected, found, entry.at, `${path}:${index + offset + 1}`, command);
      state = evolve(state, found as LedgerEntry);
    }
    index += events.length;
  }
  return { state, inputs };
}

const impossible = (entry: LedgerEntry, path: string): VerifyFailure =>
  new VerifyFailure('FOLD_DIFFERS', { path, expected: 'an event that can happen here', found: entry.type });

const refusedCode = ({ type }: LedgerEntry): VerifyCode =>
  type === 'decisionCounted'
    ? 'DECISION_REFUSED'
    : type === 'escalationResolved'
      ? 'RESOLUTION_REFUSED'
      : 'ESCALATION_REFUSED';

function compare(
  expected: ReturnType<typeof decide>['events'][number],
  found: LedgerEntry | undefined,
  at: string,
  path: string,
  command: Command,
): void {
  if (expected.type === 'gateInterrupted' && command.type === 'finishGate') {
    throw new VerifyFailure('ATTESTATION_REFUSED', {
      path,
      expected: 'a result that its principal signed',
      found: expected.message,
    });
  }
  const event = found === undefined ? undefined : eventOf(found);
  if (found === undefined || canonicalJson(event) !== canonicalJson(expected)) {
    const difference = firstDifference(expected, event);
    throw new VerifyFailure('FOLD_DIFFERS', {
      path,
      expected: `${expected.type} ${difference?.at ?? ''}: ${difference?.expected ?? ''}`,
      found: `${found?.type ?? 'nothing'}: ${difference?.found ?? ''}`,
    });
  }
  if (found.at !== at) {
    throw new VerifyFailure('FOLD_DIFFERS', { path, expected: `${found.type} at ${at}`, found: found.at });
  }
}

/** The refusals that were only counted; the ledger tells of them in its last entry alone. */
function countedAtClosing(entries: readonly LedgerEntry[]): Entry<'runClosed'>['refusals_counted'] {
  const last = entries.at(-1);
  const counted = last?.type === 'runClosed' ? last.refusals_counted : {};
  // Refusals are counted without an entry only once a hundred stand in full.
  const full = entries.filter(({ type }) => type === 'refused').length >= MAX_REFUSALS_IN_FULL;
  return full ? counted : {};
}

/** A message that did not count leaves no more than this; it can only have come while the run was open. */
function checkRefusal(state: RunState, entry: Entry<'refused'>, path: string): void {
  const known = REFUSAL_REASONS.includes(entry.reason);
  const sentence = known ? refuse(entry.reason).message : '';
  const detailed = entry.message === sentence || entry.message.startsWith(`${sentence} (`);
  if (state.phase === 'open' && state.refusals < MAX_REFUSALS_IN_FULL && detailed) return;
  throw new VerifyFailure('FOLD_DIFFERS', {
    path,
    expected: state.phase === 'open' ? `a refusal that says: ${sentence}` : 'no refusal here',
    found: entry.message,
  });
}

/** The command that an entry is the first event of, or null for an event that only follows from others. */
function commandOf(entry: LedgerEntry, attempts: ReadonlyMap<string, AttemptRecord>): Command | null {
  switch (entry.type) {
    case 'runOpened':
      return { type: 'open', run: entry.run, workflow: entry.workflow, plan: entry.plan };
    case 'openingFailed': {
      const { run, workflow, code, message } = entry;
      return { type: 'failToOpen', run, workflow, code, message };
    }
    case 'gateStarted':
      return { type: 'startGate', gate: entry.gate, attempt: entry.attempt };
    case 'gateFinished': {
      const { gate, attempt, type: _type, seq: _seq, at: _at, prev: _prev, hash: _hash, ...result } = entry;
      const escalation = attempts.get(entry.output_sha256)?.escalation ?? null;
      return { type: 'finishGate', gate, attempt, result: { ...result, escalation } };
    }
    case 'gateInterrupted': {
      const { gate, attempt, code, message } = entry;
      return { type: 'interruptGate', gate, attempt, code, message };
    }
    case 'decisionCounted':
      return { type: 'message', kind: 'decision', content: entry.envelope ?? entry.decision };
    case 'escalationResolved':
      return { type: 'message', kind: 'resolution', content: entry.envelope ?? entry.resolution };
    case 'escalationOpened':
      return escalationCommand(entry);
    case 'reminded':
      return { type: 'clock' };
    case 'runClosed':
      return closingCommand(entry);
    case 'refused':
    case 'decisionRequested':
    case 'gatePassed':
    case 'gateSentBack':
      return null;
  }
}

/** Of a person, or of time; those that an executor or a rule raised follow from their gate's result. */
function escalationCommand(entry: Entry<'escalationOpened'>): Command {
  const { report, envelope, decision_id, raised_by } = entry;
  if (report.trigger !== 'person') return { type: 'clock' };
  const { trigger: _trigger, ...said } = report;
  const unsigned = { ...said, ...(decision_id === null ? {} : { decision_id }), actor: raised_by };
  return { type: 'message', kind: 'escalation', content: envelope ?? unsigned };
}

function closingCommand({ outcome, reason }: Entry<'runClosed'>): Command | null {
  if (outcome === 'cancelled') return { type: 'cancel', reason };
  if (outcome === 'expired') return { type: 'clock' };
  if (outcome !== 'failed') return null;
  const [code = '', ...message] = reason.split(': ');
  return { type: 'fail', code, message: message.join(': ') };
}
