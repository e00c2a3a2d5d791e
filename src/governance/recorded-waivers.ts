import type { LedgerEntry } from '../contracts/ledger.js';
import type { RecordedWaiver } from '../contracts/waiver.js';
import { attemptHistories } from './attempt-history.js';
import { evolve } from './evolve.js';
import { currentGate, gateState, INITIAL_STATE } from './run-state.js';
import { keyidOf } from './signed-acts.js';

/** Every waiver of a run, in the order in which they counted, as the ledger has them. */
export function recordedWaivers(entries: readonly LedgerEntry[]): readonly RecordedWaiver[] {
  const waivers: RecordedWaiver[] = [];
  const histories = attemptHistories(entries);
  let state = INITIAL_STATE;
  for (const entry of entries) {
    if (entry.type === 'escalationResolved' && entry.waived.length > 0) {
      const { resolution, waived } = entry;
      const escalation = state.escalations.find(({ escalation_id }) => escalation_id === resolution.escalation_id);
      const gate = escalation?.gate ?? currentGate(state)?.gate;
      const attempt = gate === undefined ? undefined : gateState(state, gate)?.current;
      if (gate !== undefined && attempt != null) {
        const history = histories.find((one) => one.gate === gate && one.attempt === attempt.attempt);
        waivers.push({
          escalation_id: resolution.escalation_id,
          gate,
          attempt: attempt.attempt,
          waived_at: entry.at,
          waived_by: resolution.actor,
          signed_by: keyidOf(entry.envelope),
          reason: resolution.guidance ?? '',
          expires_at: resolution.waiver_expires_at ?? null,
          findings: attempt.findings.filter(({ id }) => waived.includes(id)),
          standing: history?.standing ?? 'open',
        });
      }
    }
    state = evolve(state, entry);
  }
  return waivers;
}

/**
 * The waivers that what was approved rests on: of attempts that passed, and the last one of each finding. Whoever merges
 * goes by them.
 */
export function restingWaivers(waivers: readonly RecordedWaiver[]): readonly RecordedWaiver[] {
  return waivers.flatMap((waiver, index) => {
    if (waiver.standing !== 'passed') return [];
    const renewed = (id: string): boolean =>
      waivers
        .slice(index + 1)
        .some((later) => sameAttempt(later, waiver) && later.findings.some((finding) => finding.id === id));
    const findings = waiver.findings.filter(({ id }) => !renewed(id));
    return findings.length === 0 ? [] : [{ ...waiver, findings }];
  });
}

const sameAttempt = (one: RecordedWaiver, other: RecordedWaiver): boolean =>
  one.gate === other.gate && one.attempt === other.attempt;
