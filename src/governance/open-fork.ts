import type { EscalationReport } from '../contracts/escalation.js';
import type { Fork } from '../contracts/fork.js';
import type { LedgerEvent } from '../contracts/ledger.js';
import { counted } from '../contracts/sentences.js';
import type { Command } from './commands.js';
import { openEscalation } from './open-escalation.js';
import { currentGate, type RunState } from './run-state.js';

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
