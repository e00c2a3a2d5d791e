import type { GateId, Verdict } from '../../contracts/names.js';
import type { Decision } from '../../contracts/run/decisions.js';
import type { Feedback, LedgerEntry } from '../../contracts/run/ledger.js';
import { keyidOf } from '../attest/envelope.js';
import { evolve } from './evolve.js';
import { passedOutputs } from './next-step.js';
import { gateState, INITIAL_STATE } from './run-state.js';

/** One attempt of one gate, as the ledger has it. */
export interface AttemptHistory {
  readonly gate: GateId;
  readonly attempt: number;
  readonly principal: string;
  readonly started_at: string;
  readonly finished_at: string | null;
  /** Digest of the attempt's record; null when it was interrupted before it gave anything. */
  readonly output_sha256: string | null;
  readonly verdict: Verdict | null;
  readonly reason: string | null;
  readonly waived: readonly string[];
  /** The key that signed the result; null when it is not signed. */
  readonly signed_by: string | null;
  readonly decisions: readonly {
    readonly at: string;
    readonly decision: Decision;
    readonly signed_by: string | null;
  }[];
  readonly inputs: Partial<Record<GateId, string>>;
  readonly feedback: readonly Feedback[];
  readonly standing: 'passed' | 'voided' | 'open';
}

type Draft = { -readonly [K in keyof AttemptHistory]: AttemptHistory[K] };

/** Every attempt of a run in the order of their starts. What an attempt was given comes out of the same fold as the run's. */
export function attemptHistories(entries: readonly LedgerEntry[]): readonly AttemptHistory[] {
  const attempts: Draft[] = [];
  const find = (gate: GateId, attempt: number): Draft | undefined =>
    attempts.find((candidate) => candidate.gate === gate && candidate.attempt === attempt);
  let state = INITIAL_STATE;
  for (const entry of entries) {
    switch (entry.type) {
      case 'gateStarted':
        // An attempt that another one follows no longer counts, whatever it came to.
        for (const earlier of attempts) if (earlier.gate === entry.gate) earlier.standing = 'voided';
        attempts.push({
          gate: entry.gate,
          attempt: entry.attempt,
          principal: entry.principal,
          started_at: entry.at,
          finished_at: null,
          output_sha256: null,
          verdict: null,
          reason: null,
          signed_by: null,
          waived: [],
          decisions: [],
          inputs: passedOutputs(state),
          feedback: gateState(state, entry.gate)?.feedback ?? [],
          standing: 'open',
        });
        break;
      case 'gateFinished':
        Object.assign(find(entry.gate, entry.attempt) ?? {}, {
          finished_at: entry.at,
          output_sha256: entry.output_sha256,
          verdict: entry.verdict,
          reason: entry.reason,
          signed_by: keyidOf(entry.attestation),
        });
        break;
      case 'gateInterrupted':
        Object.assign(find(entry.gate, entry.attempt) ?? {}, {
          finished_at: entry.at,
          reason: `${entry.code}: ${entry.message}`,
        });
        break;
      case 'decisionCounted': {
        const attempt = find(entry.decision.gate, entry.decision.attempt);
        const { at, decision, envelope } = entry;
        if (attempt) attempt.decisions = [...attempt.decisions, { at, decision, signed_by: keyidOf(envelope) }];
        break;
      }
      case 'gatePassed':
        Object.assign(find(entry.gate, entry.attempt) ?? {}, { standing: 'passed' });
        break;
      case 'gateSentBack':
        for (const { gate, attempt } of entry.voided) Object.assign(find(gate, attempt) ?? {}, { standing: 'voided' });
        break;
    }
    state = evolve(state, entry);
    if (entry.type === 'escalationResolved' && entry.waived.length > 0) {
      for (const { gate, current } of state.gates) {
        const attempt = current && find(gate, current.attempt);
        if (attempt) attempt.waived = current.waived;
      }
    }
  }
  return attempts;
}
