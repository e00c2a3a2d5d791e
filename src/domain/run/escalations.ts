import type { Envelope } from '../../contracts/keys.js';
import { escalationId, type GateId, resolutionRequestId } from '../../contracts/names.js';
import type { EscalationReport, Fork } from '../../contracts/run/escalation.js';
import type { LedgerEvent, LedgerEventOf } from '../../contracts/run/ledger.js';
import { counted } from '../../contracts/sentences.js';
import type { Command } from './commands.js';
import { currentGate, type RunState } from './run-state.js';

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

/** The event that opens the run's next escalation. */
export function openEscalation(state: RunState, raised: RaisedEscalation): LedgerEventOf<'escalationOpened'> {
  const id = escalationId(state.escalations_raised + 1);
  return {
    type: 'escalationOpened',
    escalation_id: id,
    request_id: resolutionRequestId(id, 1),
    decision_id: null,
    envelope: null,
    ...raised,
  };
}

/** Missing entries that the report names one by one. */
const NAMED = 20;
const CONTEXT_CHARACTERS = 4_000;

/** The report of a P08 that a fork raises. Made from what is missing alone, so that a verifier makes it again. */
export function forkReport(fork: Fork, missing: readonly string[]): EscalationReport {
  const named = missing.slice(0, NAMED).map((what) => `- ${what}`);
  const rest = missing.length > NAMED ? [`- and ${missing.length - NAMED} more`] : [];
  return {
    trigger: 'fork',
    issue: `The ledger does not account for ${fork.missing} of the ${counted(fork.journal_entries, 'entry')} of the run's journal.`,
    impact: 'Somebody reset the run, or a message was lost: what was signed before may no longer be part of the run.',
    context: [...named, ...rest].join('\n').slice(0, CONTEXT_CHARACTERS).toWellFormed(),
    options: [
      'continue: go on without what is missing',
      'retry: carry out the gate once more',
      'rework: go back to an earlier gate',
      'abort: end the run',
    ],
    recommendation: 'Ask whoever reset the run, read what is missing, and decide again what it said.',
    security_sensitive: true,
    fork,
  };
}

/** Raises the P08 of a fork, and takes back a gate that was started meanwhile. One fork is open at a time. */
export function openFork(state: RunState, { report }: Extract<Command, { type: 'fork' }>): LedgerEvent[] {
  if (state.phase !== 'open' || report.trigger !== 'fork' || report.fork === undefined) return [];
  if (state.escalations.some(({ fork_entries }) => fork_entries !== null)) return [];
  const running = state.gates.find(({ current }) => current?.status === 'running');
  const gate = running ?? currentGate(state);
  const attempt = gate?.current?.attempt ?? 0;
  const raised = openEscalation(state, {
    gate: gate?.gate ?? null,
    attempt,
    raised_by: 'engine',
    report,
  });
  if (running === undefined) return [raised];
  const message = `The ledger does not account for ${counted(report.fork.missing, 'entry')} of the run's journal.`;
  return [{ type: 'gateInterrupted', gate: running.gate, attempt, code: 'FORK', message }, raised];
}
