import { canonicalSha256 } from '../../src/contracts/json.js';
import { GATE_IDS, type GateId } from '../../src/contracts/names.js';
import type { LedgerEntry, LedgerEvent, LedgerHead } from '../../src/contracts/run/ledger.js';
import { appendEntry, headOf } from '../../src/domain/ledger/ledger-chain.js';
import type { Command } from '../../src/domain/run/commands.js';
import { decide } from '../../src/domain/run/decide.js';
import { evolve } from '../../src/domain/run/evolve.js';
import { nextStep } from '../../src/domain/run/next-step.js';
import { INITIAL_STATE, type RunState } from '../../src/domain/run/run-state.js';

/*
 * The shapes of what attackers send to activities and workflows of ours, in one place. They hold every field that an
 * input of ours ever had: an attacker sends what it likes.
 */

type Input = Readonly<Record<string, unknown>>;

/** A genuine gate's input with parts exchanged. @param entries the ledger that it names; the genuine one without any */
export const forgedGateInput = (genuine: Input, entries: readonly LedgerEntry[] | null, parts: Input): Input => ({
  ...genuine,
  ...parts,
  ...(entries === null ? {} : { ledger: { segments: [], entries, head: headOf(entries) } }),
});

export const forgedFinalise = (runId: string, entries: readonly LedgerEntry[]): Input => ({
  run_id: runId,
  ledger: { segments: [], entries, head: headOf(entries) },
});

/** The activities that only the engine's own workflow has a use for. */
export const ENGINE_ACTIVITIES = [
  'promptos_openRun',
  'promptos_syncJournal',
  'promptos_resumeRun',
  'promptos_finalise',
] as const;

/** Arguments that fit every activity of the engine. @param run what the genuine run was started with */
export const forgedEngineArguments = (run: Input, entries: readonly LedgerEntry[]): readonly unknown[] => {
  const opened = entries[0];
  const chain = opened?.type === 'runOpened' ? opened.workflow.first_execution_run_id : 'none';
  const step = { purpose: 'save', gate: null, attempt: 0 };
  const resumed = { run, first_execution_run_id: chain, state_sha256: canonicalSha256(null) };
  return [{ ...run, ...step, ...resumed, ...forgedFinalise(String(run.run_id), entries) }, chain];
};

/** A result with everything beside its signature taken away, as something between a worker and the server can. */
export const strippedResult = (result: Input): Input => ({
  ...result,
  reason: null,
  findings: [],
  findings_omitted: 0,
  blocking_omitted: 0,
  severe_omitted: 0,
  escalation: null,
});

/** What an execution claims that the one before it has handed over. */
export const forgedCarried = (state: RunState, entries: readonly LedgerEntry[]): Input => ({
  state,
  head: headOf(entries),
  segments: [],
  entries,
  refusals_counted: {},
});

/** A ledger that an attacker makes on from a genuine opening, with the rules of the domain. */
export interface ForgedLedger {
  /** What the ledger says is next; it writes that the gate has started. */
  startGate(gate: GateId): { readonly principal: string; readonly inputs: Partial<Record<GateId, string>> };
  /** Takes a result as it was signed; without one it makes one up. */
  finishGate(gate: GateId, result: Input | null): void;
  entries(): readonly LedgerEntry[];
  head(): LedgerHead;
  state(): RunState;
}

/** A passing result that no gate gave. */
export const MADE_UP = {
  verdict: 'pass',
  reason: null,
  output_sha256: canonicalSha256('made up'),
  findings: [],
  findings_omitted: 0,
  blocking_omitted: 0,
  severe_omitted: 0,
  escalation: null,
  attestation: null,
} as const;

/** What an attacker without the engine's key may say of a published record. */
export const FORGED_SEALS: Readonly<Record<string, unknown>> = {
  'another digest': { run_record_sha256: 'f'.repeat(64), files: 1 },
  'another digest and no signature': { run_record_sha256: 'f'.repeat(64), files: 1, attestation: null },
  nothing: null,
  text: 'published',
};

export function forgedLedger(opened: LedgerEntry | undefined): ForgedLedger {
  if (opened?.type !== 'runOpened') throw new Error('expected the opening of a run');
  const entries: LedgerEntry[] = [opened];
  let state = evolve(INITIAL_STATE, opened);
  const write = (event: LedgerEvent, at = new Date().toISOString()) => {
    const entry = appendEntry(headOf(entries), at, event);
    entries.push(entry);
    state = evolve(state, entry);
  };
  const send = (command: Command) => {
    const at = new Date().toISOString();
    for (const event of decide(state, command, { at, refusals_counted: {} }).events) write(event, at);
  };
  return {
    startGate: (gate) => {
      const step = nextStep(state);
      const due = step.kind === 'executeGate' ? step : { principal: 'nobody', inputs: {} };
      send({ type: 'startGate', gate, attempt: 1 });
      return { principal: due.principal, inputs: due.inputs };
    },
    finishGate: (gate, result) => {
      if (result !== null) {
        send({ type: 'finishGate', gate, attempt: 1, result: result as never });
        return;
      }
      const { escalation: _, ...finished } = MADE_UP;
      write({ type: 'gateFinished', gate, attempt: 1, ...finished, findings: [] });
      write({ type: 'gatePassed', gate, attempt: 1, approved_by: [] });
      if (gate !== GATE_IDS.at(-1)) return;
      write({ type: 'runClosed', outcome: 'approved', reason: 'every gate passed', refusals_counted: {} });
    },
    entries: () => entries,
    head: () => headOf(entries),
    state: () => state,
  };
}
