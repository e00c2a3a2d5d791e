import { condition, log, patched, setCurrentDetails, sleep, workflowInfo } from '@temporalio/workflow';
import type { LedgerReference, LedgerSegment } from '../contracts/run/activities.js';
import type { DecisionAnswer, RefusalReason } from '../contracts/run/decisions.js';
import type { HeldClaim } from '../contracts/run/gate-claim.js';
import type { LedgerEntry, LedgerEvent, LedgerHead } from '../contracts/run/ledger.js';
import type { GovernedRunInput } from '../contracts/run/run-plan.js';
import type { RunStatus } from '../contracts/run/run-status.js';
import { appendEntry, EMPTY_LEDGER, headOf } from '../domain/ledger/ledger-chain.js';
import type { Command } from '../domain/run/commands.js';
import { gateLimitMs } from '../domain/run/deadlines.js';
import { decide } from '../domain/run/decide.js';
import { evolve } from '../domain/run/evolve.js';
import { carriedState, INITIAL_STATE, type RunState } from '../domain/run/run-state.js';
import { describeRun } from '../domain/run/run-status.js';
import { renderCurrentDetails, type StartedGate } from './current-details.js';
import { createInbox, type Inbox, type ReceivedMessage } from './inbox.js';

/** One timer for whatever is due next: a timer for each wait would cost two events of history each. */
export interface Alarm {
  /**
   * Waits until something is so, or until an instant. It may wake before the instant: then the caller looks at the clock
   * and waits on.
   * @param instant milliseconds since the epoch; null for no limit
   * @returns whether what was waited for is so
   */
  wait(until: () => boolean, instant: number | null, summary: string): Promise<boolean>;
}

export function createAlarm(): Alarm {
  /** When the earliest timer that runs goes off. */
  let next: number | null = null;
  let rung = 0;
  const set = (instant: number, summary: string) => {
    next = instant;
    sleep(Math.max(instant - Date.now(), 1), { summary }).then(
      () => {
        if (next === instant) next = null;
        rung += 1;
      },
      // The run is cancelled, and callers that wait hear of it by itself.
      () => undefined,
    );
  };
  return {
    async wait(until, instant, summary) {
      if (instant !== null && (next === null || next > instant)) set(instant, summary);
      const before = rung;
      await condition(() => until() || rung !== before);
      return until();
    },
  };
}

/** What one execution hands to the next when the run continues as new. */
export interface CarriedRun {
  readonly state: RunState;
  readonly head: LedgerHead;
  /** Parts of the ledger that are in the store: together the whole of it up to the head. */
  readonly segments: readonly LedgerSegment[];
  readonly refusals_counted: Partial<Record<RefusalReason, number>>;
  /** Whether local activities return when they answered; absent in histories from before. */
  readonly timed_answers?: boolean;
}

export const NEW_RUN: CarriedRun = {
  state: INITIAL_STATE,
  head: EMPTY_LEDGER,
  segments: [],
  refusals_counted: {},
};

/** As JSON: an answer to a query, and the input of an activity, may have 2 MB, and one burst of messages comes on top. */
const MAX_CHARACTERS_HELD = 400_000;

/** Holds a run's state and ledger, and is the only one to change them: every change goes through the reducer. */
export interface RunDriver {
  state(): RunState;
  /** The entries of this execution. */
  entries(): readonly LedgerEntry[];
  head(): LedgerHead;
  /** Where the whole ledger is found. */
  ledger(): LedgerReference;
  /**
   * The oldest entries that were not in the store are there now.
   * @param at their times there. A replay may have given them others: those in the store are what was signed.
   */
  saved(segment: LedgerSegment | null, at?: readonly string[]): void;
  /** A local activity gave its answer at this time. */
  answered(at: string | undefined): void;
  /**
   * Whether signed entries, a hand-off, or entries that a person must see, are not in the store and the journal yet. Refusals do not
   * count: anybody can send what is refused.
   */
  hasUnsavedActs(): boolean;
  status(): RunStatus;
  readonly inbox: Inbox;
  /** @param when `as answered` where a local activity's answer leads to the command: its time is the same in a replay */
  apply(command: Command, when?: 'now' | 'as answered'): DecisionAnswer;
  published(runRecordSha256: string): void;
  /** A worker looked into the journal for a gate that is done elsewhere, and found this claim on it. */
  claimed(claim: HeldClaim | null): void;
  /** Somebody says that the journal has something new about a gate that is done elsewhere. */
  lookAgain(): void;
  /** How often that was said. */
  looksWanted(): number;
  /** Whether this execution holds so many entries that no more should be added. */
  isHeavy(): boolean;
  /** What the next execution starts from, once every entry is in the store. */
  carry(): CarriedRun;
}

export function createRunDriver(input: GovernedRunInput, carried: CarriedRun): RunDriver {
  let { state, head } = carried;
  const entries: LedgerEntry[] = [];
  let answeredAt: string | undefined;
  let timedAnswers = carried.timed_answers ?? false;
  let segments = carried.segments;
  /** How many of the entries are in the store. */
  let stored = 0;
  let characters = 0;
  const counted = { ...carried.refusals_counted };
  let runRecordSha256: string | null = null;
  let started: StartedGate | null = null;
  let claim: HeldClaim | null = null;
  let looks = 0;

  const status = () => {
    const unlisted = Object.values(counted).reduce((sum, number) => sum + number, 0);
    return describeRun(state, input, head, runRecordSha256, unlisted, claim);
  };
  const show = () => setCurrentDetails(renderCurrentDetails(status(), workflowInfo().namespace, started));
  const write = (event: LedgerEvent, at: string): LedgerEntry => {
    const entry = appendEntry(head, at, event);
    entries.push(entry);
    head = { entries: head.entries + 1, hash: entry.hash };
    state = evolve(state, entry);
    if (event.type === 'gateStarted') {
      const latest = Date.parse(at) + (state.plan === null ? 0 : gateLimitMs(state.plan, event.gate));
      claim = null;
      started = { at, times_out_at: new Date(latest).toISOString() };
    }
    return entry;
  };
  /** Writes the entries that are not in the store again, the oldest of them with these times. */
  const writeAgain = (times: readonly string[]) => {
    const unsaved = entries.slice(stored);
    if (unsaved.every(({ at }, index) => at === (times[index] ?? at))) return;
    entries.length = stored;
    state = entries.reduce(evolve, carried.state);
    head = entries.length === 0 ? carried.head : headOf(entries);
    for (const [index, { seq, prev, hash, at, ...event }] of unsaved.entries()) write(event, times[index] ?? at);
  };

  const applyAt = (command: Command, at: string): DecisionAnswer => {
    const { events, answer, uncounted } = decide(state, command, { at, refusals_counted: counted });
    for (const event of events) {
      characters += JSON.stringify(write(event, at)).length;
      log.info(event.type, describeEvent(event));
    }
    if (uncounted !== null) counted[uncounted] = (counted[uncounted] ?? 0) + 1;
    if (events.length > 0) show();
    return answer;
  };
  /** No entry is older than the answer before it, also where a worker's clock is ahead of the server's. */
  const notBeforeAnswer = (at: string): string => (answeredAt !== undefined && answeredAt > at ? answeredAt : at);
  const judge = ({ kind, content, at }: ReceivedMessage): DecisionAnswer => {
    try {
      return applyAt({ type: 'message', kind, content }, timedAnswers ? notBeforeAnswer(at) : new Date().toISOString());
    } catch (error) {
      // A handler that throws fails the workflow task for ever; this one is a defect and says so in the log.
      log.error('a message could not be judged', { kind, error: String(error) });
      return { accepted: false, reason: 'MALFORMED', message: String(error) };
    }
  };
  const inbox = createInbox(judge, { isOpen: () => state.phase !== 'new', waitForAnswers: () => timedAnswers });

  show();
  return {
    inbox,
    state: () => state,
    entries: () => entries,
    head: () => head,
    ledger: () => ({ segments, entries: entries.slice(stored), head }),
    saved(segment, at = []) {
      if (segment === null) return;
      inbox.judgeWhile(() => entries.length - stored < segment.entries);
      writeAgain(at);
      segments = [...segments, segment];
      stored += segment.entries;
    },
    answered(at) {
      answeredAt = at;
      timedAnswers ||= at !== undefined;
    },
    hasUnsavedActs() {
      const unsaved = entries.slice(stored);
      // Histories of before have no such saving.
      return (
        unsaved.some((entry) => isSignedAct(entry) || entry.type === 'gateHandedOff') ||
        (unsaved.some(isStop) && patched(SAVED_STOPS))
      );
    },
    status,
    apply(command, when = 'now') {
      const now = notBeforeAnswer(new Date().toISOString());
      return applyAt(command, when === 'as answered' ? (answeredAt ?? now) : now);
    },
    published(sha256) {
      runRecordSha256 = sha256;
      show();
    },
    claimed(found) {
      claim = found;
      show();
    },
    lookAgain() {
      looks += 1;
    },
    looksWanted: () => looks,
    isHeavy: () => characters > MAX_CHARACTERS_HELD,
    carry: () => ({
      state: carriedState(state),
      head,
      segments,
      refusals_counted: counted,
      timed_answers: timedAnswers,
    }),
  };
}

/** Marks the histories in which what stops a run is saved at once. */
const SAVED_STOPS = 'save-what-stops-a-run';

/** What stops a run, signed or not: where no worker is, people read from the store what they are to resolve. */
const isStop = ({ type }: LedgerEntry): boolean => type === 'gateInterrupted' || type === 'escalationOpened';

/** A gate's result, or a person's signed message: after it the ledger is compared with the journal. */
function isSignedAct(entry: LedgerEntry): boolean {
  switch (entry.type) {
    case 'gateFinished':
      return true;
    case 'decisionCounted':
    case 'escalationOpened':
    case 'escalationResolved':
    case 'cancellationCounted':
      return entry.envelope !== null;
    default:
      return false;
  }
}

/** What the log says of an event: ids and choices, never anybody's text. */
function describeEvent(event: LedgerEvent): Record<string, string | number | boolean> {
  switch (event.type) {
    case 'gateStarted':
    case 'gateHandedOff':
    case 'decisionRequested':
    case 'gatePassed':
    case 'gateInterrupted':
      return { gate: event.gate, attempt: event.attempt };
    case 'gateFinished':
      return { gate: event.gate, attempt: event.attempt, verdict: event.verdict };
    case 'decisionCounted':
      return { gate: event.decision.gate, actor: event.decision.actor, choice: event.decision.choice };
    case 'gateSentBack':
      return { toGate: event.to_gate };
    case 'escalationOpened':
      return { escalation: event.escalation_id, trigger: event.report.trigger };
    case 'escalationResolved':
      return { escalation: event.resolution.escalation_id, choice: event.resolution.choice };
    case 'cancellationCounted':
      return { actor: event.cancellation.actor };
    case 'refused':
      return { kind: event.kind, reason: event.reason };
    case 'reminded':
      return { request: event.request_id };
    case 'runClosed':
      return { outcome: event.outcome };
    case 'openingFailed':
      return { code: event.code };
    case 'runOpened':
      return {};
  }
}
